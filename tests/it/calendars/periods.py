"""Days, ISO weeks and months of a zone by Python's zoneinfo, found in steps of a quarter of an hour.

Arguments: zone, first year, last year, and the hours of each weekday from Monday as JSON: lists of [from, to] in minutes from midnight.
Prints for each period: its kind, its name, its first instant and the next period's (seconds since 1970), and the seconds open within it.
The first and the last week may extend beyond the years.
"""

import json
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

QUARTER_HOUR = 900
DAY = 86400


def names(local):
    """Names of the periods that contain a local time."""
    year, week, _ = local.isocalendar()
    return {"day": local.strftime("%Y-%m-%d"), "week": f"{year:04}-W{week:02}", "month": local.strftime("%Y-%m")}


def main():
    zone = ZoneInfo(sys.argv[1])
    first, last = int(sys.argv[2]), int(sys.argv[3])
    hours = json.loads(sys.argv[4])
    # Wide enough for any zone and for weeks that extend beyond the years.
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
        # Periods at both ends of the walk are incomplete.
        if start < begin and until < end and first <= int(name[:4]) <= last:
            print(kind, name, begin, until, seconds)


main()
