"""The typesetter: the lecture's letters, formulas in Unicode, LaTeX and MathML, and tables. NumPy only.

* `letters`: one table of the letters with their meanings and colors, and the formulas that are made of them;
* `formula`: a formula as a tree, and its three forms;
* `blocks`: formulas on several lines of a terminal;
* `tables`: tables as text and for a notebook.
"""
