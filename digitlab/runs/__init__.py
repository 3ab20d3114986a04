"""One training run from settings to a folder: what ``digitlab train`` does, saves and resumes.

`run` is the training as a whole, `state` what decides it and how it goes on after a stop, `checkpoint` the trained
network as a file, `report` its page of pictures, `committee` several runs as one, `distributed` many workers.
"""
