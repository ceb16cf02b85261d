"""What the tests in a real browser ask of a page; the fixtures that open one are in `conftest.py`."""


def violations(page) -> list[str]:
    """What axe-core finds that is serious."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:120]} {v['nodes'][0]['failureSummary'][:300]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def press(page, key, times=1):
    for _ in range(times):
        page.keyboard.press(key)
