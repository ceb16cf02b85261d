"""Checking: the roads to a gradient side by side, and what a wrong one says about the mistake.

* `gradcheck`: a function's gradients against central differences;
* `ledger`, `roads`: the quantities of the slides by name, on each road;
* `rounding`, `judge`: how far two roads may be apart;
* `mistakes`, `other_data`, `diagnosis`: the known mistakes, and which of them explains a wrong quantity;
* `crosscheck`: all of it in one call.
"""
