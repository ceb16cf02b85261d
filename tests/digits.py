"""Texts and drawings compared by their words, their structure, and numbers to the digits that they show."""

import re
import xml.etree.ElementTree as ET

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?")
SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def plain(text):
    """Text with plain minus signs, exponents and spaces."""
    text = re.sub("·10([⁻⁰-⁹¹²³]+)", lambda match: "e" + match[1].translate(SUPERSCRIPTS), text.replace("−", "-"))
    return " ".join(text.split())


def last_place(number):
    """One in the last place of a number that was written down."""
    mantissa, _, exponent = number.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def same(one, other):
    """Whether two texts have the same words, and numbers that differ by no more than one in their last place."""
    one, other = plain(one), plain(other)
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    return all(
        a == b or abs(float(a) - float(b)) <= 1e-9 * (1 + abs(float(a))) + 1.01 * min(last_place(a), last_place(b))
        for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    )


def differing(one, other):
    """What differs between two drawings in XML: elements in order, their attributes, and their texts."""
    elements = [list(ET.fromstring(drawn).iter()) for drawn in (one, other)]  # noqa: S314  # our own
    if len(elements[0]) != len(elements[1]):
        return [f"{len(elements[0])} and {len(elements[1])} elements"]
    parts = [[[e.tag, e.text or "", e.tail or "", *map(str, sorted(e.items()))] for e in tree] for tree in elements]
    found = []
    for a, b in zip(*parts, strict=True):
        found += [(a, b)] if len(a) != len(b) or not all(map(same, a, b)) else []
    return found


def long_numbers(text, most=7):
    """The numbers in a text that have more significant digits than any number, or place, of a drawing."""
    return [number for number in re.findall(r"[0-9][0-9.]*", text) if len(number.replace(".", "").lstrip("0")) > most]
