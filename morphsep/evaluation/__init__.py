"""How good a morph is: measured (`metrics`) and heard (`listening`). `protocol` renders what is
compared and measures it, `results` are its tables.

Words: a *sequence* is one pair's sounds at amounts 0 to 1 by one backend; a *truth* is the same
list by the real knob, where there is one.
"""
