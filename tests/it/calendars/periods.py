"""Days, ISO weeks and months of a zone by Python's zoneinfo, found by walking through time by quarter hours.

Arguments: zone, first year, last year, and the hours of each weekday from Monday on as JSON: lists of [from, to] in minutes from midnight.
Prints for each period: its kind, its name, its first instant and the next period's (seconds since 1970), and the seconds open within it.
The years' first and last week may reach beyond the years.
"""

import json
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

QUARTER_HOUR = 900
DAY = 86400


def names(local):
    """The periods that hold an instant, by what the clock on the wall shows."""
    year, week, _ = local.isocalendar()
    return {"day": local.strftime("%Y-%m-%d"), "week": f"{year:04}-W{week:02}", "month": local.strftime("%Y-%m")}


def main():
    zone = ZoneInfo(sys.argv[1])
    first, last = int(sys.argv[2]), int(sys.argv[3])
    hours = json.loads(sys.argv[4])
    # Wide enough for every week and zone.
    start = int(datetime(first, 1, 1, tzinfo=timezone.utc).timestamp()) - 9 * DAY
    end = int(datetime(last + 1, 1, 1, tzinfo=timezone.utc).timestamp()) + 9 * DAY
    periods = {}
    for instant in range(start, end, QUARTER_HOUR):
        local = datetime.fromtimestamp(instant, zone)
        minute = local.hour * 60 + local.minute
        is_open = any(begin <= minute < until for begin, until in hours[local.weekday()])
        for period in names(local).items():
            known = periods.setdefault(period, [instant, instant, 0])
            known[1] = instant + QUARTER_HOUR
            known[2] += QUARTER_HOUR if is_open else 0
    for (kind, name), (begin, until, seconds) in periods.items():
        # What the walk cut off at its ends is no whole period.
        if start < begin and until < end and first <= int(name[:4]) <= last:
            print(kind, name, begin, until, seconds)


main()
