"""The race: ways of training timed side by side on this machine. Lesson 12."""

from digitlab.bench.race import MapByMap, describe_machine, ladder, time_in_turns

__all__ = ["MapByMap", "describe_machine", "ladder", "time_in_turns"]
