"""The rest of NumPy: what a script calls beside the ops of the lesson, as ops and as functions of ops."""
