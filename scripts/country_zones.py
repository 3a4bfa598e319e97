#!/usr/bin/env python3
"""Writes which time zones a country has: as the rows of `country_zones` in SQL, and as the lines of src/destination/country_zones.txt.

    scripts/country_zones.py ZONE_TAB VERSION > rows.sql
    scripts/country_zones.py ZONE_TAB VERSION --text > src/destination/country_zones.txt

ZONE_TAB is the file zone.tab of the time zone database (tzdata, its VERSION such as 2025b): one zone a line, with its country, mostly the
most populous first.
"""
import sys

WIDTH = 138
# What zone.tab does not have. Countries of the numbering plans without a code of ISO 3166-1: Ascension, Tristan da Cunha, Kosovo.
# Numbers that ring across a border: Northern Cyprus has +90 392, Israel and Palestine use each other's codes.
# And former names, for a server whose time zone database is older than the new ones.
MORE = {"AC": ["Atlantic/St_Helena"], "TA": ["Atlantic/St_Helena"], "XK": ["Europe/Belgrade"],
        "TR": ["Asia/Famagusta"], "IL": ["Asia/Hebron", "Asia/Gaza"], "PS": ["Asia/Jerusalem"],
        "UA": ["Europe/Kiev"], "GL": ["America/Godthab"], "MM": ["Asia/Rangoon"], "KI": ["Pacific/Enderbury"]}
# Where zone.tab goes from east to west instead: the one to be named first, and for the clock it shares with an island.
FIRST = {"AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "RU": "Europe/Moscow"}


def main(path, version, form="--sql"):
    zones = {}
    for line in open(path, encoding="utf-8"):
        if not line.startswith("#"):
            country, _, zone = line.rstrip("\n").split("\t")[:3]
            zones.setdefault(country, []).append(zone)
    for country, more in MORE.items():
        zones.setdefault(country, []).extend(more)
    for country, zone in FIRST.items():
        zones[country].remove(zone)
        zones[country].insert(0, zone)
    if form == "--text":
        print(f"# Written by scripts/country_zones.py from zone.tab of tzdata {version}.")
        for country, names in sorted(zones.items()):
            print(country, *names)
        return
    print(f"-- Written by scripts/country_zones.py from zone.tab of tzdata {version}.")
    print("insert into country_zones (country, zone, nth, source)")
    print(f"select c.code, z.name, n.nth, 'tzdata {version}' from (values")
    entries = []
    for country, names in sorted(zones.items()):
        lines, line = [], f"    ('{country}', '{names[0]}"
        for name in names[1:]:
            if len(line) + len(name) + 5 > WIDTH:
                lines.append(line)
                line = "        " + name
            else:
                line += " " + name
        entries.append("\n".join([*lines, line + "')"]))
    print(",\n".join(entries))
    print(") packed (country, zones) cross join regexp_split_to_table(zones, '\\s+') with ordinality n (zone, nth)")
    print(" join countries c on c.code = packed.country join restaurant_zones z on z.name = n.zone;")


main(*sys.argv[1:])
