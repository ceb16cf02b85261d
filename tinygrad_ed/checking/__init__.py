"""Checking: the roads to a gradient side by side, and what a wrong one says about the mistake.

* `gradcheck`: a function's gradients against central differences;
* `roads`: the quantities of the slides by name, on each road;
* `rounding`, `judge`: how far two roads may be apart;
* `mistakes`, `other_data`, `diagnosis`: the known mistakes, and which of them explains a wrong quantity;
* `crosscheck`, `numbers`: all of it in one call, and a reader's own numbers beside it;
* `passes`, `slips`, `terms`, `your_pass`: hand-written gradients of any graph, and what is wrong with them;
* `traced`, `variables`, `programs`: a whole program of a reader's, line by line.
"""
