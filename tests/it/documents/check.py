"""Reads every file of the API with Python's csv module and openpyxl, and compares it with the JSON.

Usage: check.py ADDRESS PATH...; a path is that of the JSON. Prints the number of cells that were compared.
"""

import csv
import io
import json
import sys
import urllib.request
from datetime import datetime
from decimal import Decimal

import openpyxl
from openpyxl.utils.escape import unescape

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "'")


def get(address, path):
    """Returns body and headers."""
    with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
        return answer.read(), answer.headers


def figures(then, today):
    """Cells of the figures of a cut or a close, and of today."""
    names = ("beneficiaries", "dispersals", "net_pesos")
    cells = {name: (then or {}).get(name) for name in names}
    return cells | {f"{name}_today": (today or {}).get(name) for name in names}


def cut_tables(answer):
    """Tables of a cut."""
    periods = answer["periods"]
    of_period = lambda period: {"period": period["period"], "period_id": period["id"]}
    spans = lambda period: {"start": period["start_ms"], "end": period["end_ms"], "closes": period["closes"]}
    cells = [(period, cell) for period in periods for cell in period["cells"]]
    offsets = ("stream", "topic", "partition", "first_offset", "next_offset")
    about = {name: answer[name] for name in ("id", "huella", "hash", "seal", "provisional", "late")}
    about |= {name: answer[f"{name}_ms"] for name in ("at", "nearest_to", "taken", "state_built")}
    return {
        "figures": [
            of_period(period) | spans(period) | figures(period["total"], period["total"]["today"]) for period in periods
        ],
        "states": [
            of_period(period)
            | {"programme": cell["programme"], "state": cell["state"]}
            | figures(cell, cell["today"])
            for period, cell in cells
        ],
        "targets": [
            {name: target[name] for name in ("target", "measure", "goal", "plan", "actual")}
            | spans(target)
            | {"period_id": target["period"], "actual_today": target["today"]}
            for target in answer["targets"]
        ],
        "corrections": [
            {name: one[name] for name in ("target", "before", "after")}
            | {"period_id": one["period"], "start": one["start_ms"]}
            for one in answer["corrections"]
        ],
        "offsets": [
            {name: offset.get(name) for name in offsets}
            | {name: offset.get(name, False) for name in ("provisional", "late")}
            for offset in answer["offsets"]
        ],
        "about": about,
    }


def period_tables(answer):
    """Tables of a period."""
    programmes = answer["programmes"]
    states = [(programme["programme"], state) for programme in programmes for state in programme["states"]]
    period = answer["period"]
    about = {"period": period["period"], "id": period["id"], "start": period["start_ms"], "end": period["end_ms"]}
    return {
        "figures": [{"programme": None} | figures(answer["closed"], answer["today"])]
        + [{"programme": one["programme"]} | figures(one["closed"], one["today"]) for one in programmes],
        "states": [
            {"programme": programme, "state": state["state"]} | figures(state["closed"], state["today"])
            for programme, state in states
        ],
        "about": about | {name: answer[name] for name in ("cut", "huella")},
    }


def history_tables(answer):
    """Tables of the closed periods of a target."""
    periods = answer["periods"]
    return {
        "targets": [
            {name: one[name] for name in ("goal", "actual", "difference", "cut", "huella")}
            | {"period": one["period"]["period"], "period_id": one["period"]["id"], "actual_today": one["today"]}
            | {"start": one["period"]["start_ms"], "end": one["period"]["end_ms"]}
            for one in periods
        ],
        "corrections": [
            {"period_id": one["period"]["id"], "start": one["period"]["start_ms"]} | correction
            for one in periods
            for correction in one["corrections"]
        ],
        "about": {name: answer[name] for name in ("target", "measure", "unit", "more", "huella")},
    }


def list_tables(answer):
    """Tables of the list of cuts."""
    ended = lambda cut, kind: next((period["id"] for period in cut["periods"] if period["period"] == kind), None)
    names = ("seal", "provisional", "late", "huella")
    return {
        "cuts": [
            {name: cut[name] for name in names}
            | {"cut": cut["id"], "at": cut["at_ms"]}
            | {kind: ended(cut, kind) for kind in ("day", "week", "month")}
            for cut in answer["cuts"]
        ],
        "targets": [
            {"cut": cut["id"], "target": one["target"], "period_id": one["period"]}
            for cut in answer["cuts"]
            for one in cut["targets"]
        ],
        "about": {"more": answer["more"]},
    }


INSTANTS = {"start", "end", "at", "nearest_to", "taken", "state_built"}
AMOUNTS = {"goal", "actual", "actual_today", "difference", "before", "after", "net_pesos", "net_pesos_today"}


def same(column, wanted, found, is_csv):
    """True if a cell has the value of the JSON."""
    if wanted is None:
        return found in ("", None)
    if column in INSTANTS:
        return round(datetime.fromisoformat(found).timestamp() * 1000) == wanted
    if isinstance(wanted, bool):
        return found == (str(wanted).lower() if is_csv else wanted)
    if isinstance(wanted, (int, float)) or column in AMOUNTS:
        if not is_csv and isinstance(found, str):
            assert len(found.strip("-").replace(".", "")) > 15, found
        if isinstance(wanted, float) or isinstance(found, float):
            return float(found) == float(wanted)
        return Decimal(found) == Decimal(wanted)
    if is_csv and found.startswith("'"):
        assert found[1:].startswith(ACTIVE), found
        found = found[1:]
    elif is_csv:
        assert not found.startswith(ACTIVE), found
    # openpyxl leaves control characters as the format writes them.
    return found == wanted or (not is_csv and unescape(found) == wanted)


def compare(path, name, wanted, rows, is_csv):
    """Compares the rows of a table, which are dictionaries; returns the number of cells."""
    if name == "about":
        found = {row["key"]: row["value"] for row in rows}
        assert found["source"].startswith("/api/v1/") and found["version"] and found["zone"] == "America/Mexico_City"
        wanted, rows = [wanted], [found]
    assert len(wanted) == len(rows), (path, name, len(wanted), len(rows))
    for one, row in zip(wanted, rows):
        for column, value in one.items():
            assert same(column, value, row[column], is_csv), (path, name, column, value, row[column])
    return sum(len(one) for one in wanted)


def check(address, path):
    """Compares both files of a path with its JSON."""
    answer = json.loads(get(address, path)[0])
    forms = {"/cuts/": cut_tables, "/cuts": list_tables, "/periods/": period_tables, "/history": history_tables}
    make = next(make for part, make in forms.items() if part in path)
    tables, cells = make(answer), 0
    text, headers = get(address, f"{path}.csv")
    assert headers["content-type"] == "text/csv; charset=utf-8" and 'filename="pacemeter-' in headers["content-disposition"]
    assert text.startswith(b"\xef\xbb\xbftable,") and text.endswith(b"\r\n"), text[:40]
    lines = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True))
    assert all(len(line) == len(lines[0]) for line in lines), "every line has every column"
    rows = [dict(zip(lines[0], line)) for line in lines[1:]]
    assert {row["table"] for row in rows} <= set(tables), path
    for name, wanted in tables.items():
        cells += compare(path, name, wanted, [row for row in rows if row["table"] == name], True)
    book_bytes, headers = get(address, f"{path}.xlsx")
    assert headers["content-type"].endswith("spreadsheetml.sheet")
    book = openpyxl.load_workbook(io.BytesIO(book_bytes))
    assert book.sheetnames == list(tables), book.sheetnames
    for name, wanted in tables.items():
        sheet = book[name]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row), "no formula"
        columns, *lines = [[cell.value for cell in row] for row in sheet.iter_rows()]
        cells += compare(path, name, wanted, [dict(zip(columns, line)) for line in lines], False)
    return cells


def main():
    """Checks all paths."""
    address, *paths = sys.argv[1:]
    print(sum(check(address, path) for path in paths))


main()
