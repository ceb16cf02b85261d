"""Every keyword of every NumPy function that Nodes answer, with the values that mean something there.

`CALLS` has a function by its name after `np.`: the arguments of its calls, and for each keyword its values. An array of
floats becomes a Node when the call is tried on Nodes. What a function takes beside its arrays stands as it is.
`test_keywords.py` walks over all of it, one keyword and two.
"""

import folding_keywords
import product_keywords
import shape_keywords

CALLS = {**folding_keywords.CALLS, **shape_keywords.CALLS, **product_keywords.CALLS}
