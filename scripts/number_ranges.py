#!/usr/bin/env python3
"""Writes the rows of `countries` and `number_ranges` that come from libphonenumber, as SQL.

    scripts/number_ranges.py FOLDER VERSION > rows.sql

FOLDER holds PhoneNumberMetadata.xml and ShortNumberMetadata.xml of libphonenumber (the `assets` of the crate phonenumber). The patterns
of each numbering plan become the shortest table of prefixes whose longest match tells country and kind, as the crate tells them; where
a plan needs more digits than DEPTH, the more careful kind is taken.
"""
import functools
import re
import sys
import xml.etree.ElementTree as ElementTree

DEPTH = 8
WIDTH = 138
# From the most careful to the least.
KINDS = ["premium", "shared_cost", "personal", "pager", "international", "satellite", "landline_or_mobile", "mobile", "landline"]
# In the order in which libphonenumber asks (validator.rs of the crate).
ASKED = [("premiumRate", "premium"), ("tollFree", "landline"), ("sharedCost", "shared_cost"), ("voip", "landline"),
         ("personalNumber", "personal"), ("pager", "pager"), ("uan", "landline"), ("voicemail", "landline")]
# Country codes that belong to no country (ITU-T E.164, list of assigned country codes).
WORLD = {"800": "landline", "808": "shared_cost", "870": "satellite", "878": "personal", "881": "satellite", "882": "international",
         "883": "international", "888": "international", "979": "premium"}
# Whose mobile and short numbers are told from the others; elsewhere a range is `landline_or_mobile`.
TOLD = set("AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK AX AU NZ US CA".split())


class Pattern:
    """A regular expression over digits as a set of states; only those from which a number can still be completed."""

    def __init__(self, text):
        self.text, self.at, self.steps, self.empty = re.sub(r"\s", "", text), 0, [], []
        start, end = self.alternatives()
        assert self.at == len(self.text), text
        self.end, live, grown = end, {end}, True
        while grown:
            grown = False
            for state in range(len(self.steps)):
                if state not in live and any(to in live for _, to in self.steps[state]) | any(to in live for to in self.empty[state]):
                    live.add(state)
                    grown = True
        self.live, self.known, self.nodes = live, {}, []
        self.node_of = functools.lru_cache(None)(self.make_node)
        self.root = self.node_of(self.closed({start}))

    def state(self):
        self.steps.append([])
        self.empty.append([])
        return len(self.steps) - 1

    def alternatives(self):
        start, end = self.state(), self.state()
        while True:
            first, last = self.sequence()
            self.empty[start].append(first)
            self.empty[last].append(end)
            if self.text[self.at:self.at + 1] != "|":
                return start, end
            self.at += 1

    def sequence(self):
        start = end = self.state()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            begun = self.at
            self.atom()
            behind, most, least = self.at, 1, 1
            counted = re.compile(r"\{(\d+)(?:,(\d+))?\}|\?").match(self.text, self.at)
            if counted:
                least, most = (0, 1) if counted[0] == "?" else (int(counted[1]), int(counted[2] or counted[1]))
                behind = counted.end()
            for nth in range(most):
                self.at = begun
                first, last = self.atom()
                self.empty[end].append(first)
                if nth >= least:
                    self.empty[end].append(last)
                end = last
            self.at = behind
        return start, end

    def atom(self):
        if self.text.startswith("(?:", self.at):
            self.at += 3
            inner = self.alternatives()
            assert self.text[self.at] == ")"
            self.at += 1
            return inner
        found = re.compile(r"\\d|\d|\[([\d-]+)\]").match(self.text, self.at)
        self.at = found.end()
        digits = set("0123456789") if found[0] == r"\d" else {found[0]}
        if found[1]:
            digits = set()
            for low, high in re.findall(r"(\d)(?:-(\d))?", found[1]):
                digits |= {str(d) for d in range(int(low), int(high or low) + 1)}
        start, end = self.state(), self.state()
        self.steps[start] += [(digit, end) for digit in digits]
        return start, end

    def closed(self, states):
        found, todo = set(states), list(states)
        while todo:
            for to in self.empty[todo.pop()]:
                if to not in found:
                    found.add(to)
                    todo.append(to)
        return frozenset(found & self.live)

    def make_node(self, states):
        if not states:
            return None
        steps = [set() for _ in range(10)]
        for state in states:
            for by, to in self.steps[state]:
                steps[int(by)].add(to)
        node = self.end in states, tuple(self.node_of(self.closed(to)) for to in steps)
        if node not in self.known:
            self.known[node] = len(self.nodes)
            self.nodes.append(node)
        return self.known[node]

    def alive(self, node):
        return node is not None

    def ends(self, node):
        return node is not None and self.nodes[node][0]

    def after(self, node, digit):
        return None if node is None else self.nodes[node][1][digit]


class Plan:
    """All territories of one country code, as a graph of nodes: `label[node]` is (country, kind) of the number that ends there, or
    None, `children[node]` are ten nodes, or None where no number goes on. Equal subtrees are one node."""

    def __init__(self, code, territories):
        self.code, self.territories, self.patterns = code, [], []
        for territory in sorted(territories, key=lambda t: t.get("mainCountryForCode") != "true"):
            types = {part.tag: self.add(found.text) for part in territory for found in part.iter("nationalNumberPattern")}
            leading = territory.get("leadingDigits")
            self.territories.append((territory.get("id"), leading and self.add(leading), types))
        self.known, self.label, self.children, self.beneath = {}, [], [], []
        self.node_of, self.cost = functools.lru_cache(None)(self.make_node), functools.lru_cache(None)(self.cost_of)
        self.least = functools.lru_cache(None)(self.least_of)
        self.root = self.node_of(tuple(pattern.root for pattern in self.patterns), None)
        self.labels = sorted(self.beneath[self.root], key=lambda label: (KINDS.index(label[1]), label[0]))

    def add(self, text):
        self.patterns.append(Pattern(text))
        return len(self.patterns) - 1

    def make_node(self, states, led):
        """The node of these states of the patterns; `led` is whose leading digits have been seen."""
        if led is None:
            led = next((n for n, leading, _ in self.territories if leading is not None and self.patterns[leading].ends(states[leading])), None)
        if not any(self.patterns[types["generalDesc"]].alive(states[types["generalDesc"]]) for _, _, types in self.territories):
            return None
        label = self.label_of(states, led)
        children = tuple(
            self.node_of(tuple(p.after(s, digit) for p, s in zip(self.patterns, states)), led) for digit in range(10))
        if label is None and not any(child is not None for child in children):
            return None
        if (label, children) not in self.known:
            self.known[label, children] = len(self.label)
            self.label.append(label)
            self.children.append(children)
            beneath = {label} - {None}
            for child in children:
                beneath |= self.beneath[child] if child is not None else set()
            self.beneath.append(frozenset(beneath))
        return self.known[label, children]

    def label_of(self, states, led):
        for name, leading, types in self.territories:
            if leading is not None and led != name:
                continue
            is_a = {tag for tag, pattern in types.items() if self.patterns[pattern].ends(states[pattern])}
            kind = next((kind for tag, kind in ASKED if tag in is_a), None)
            if not kind and {"fixedLine", "mobile"} <= is_a:
                kind = "landline_or_mobile"
            kind = kind or ("landline" if "fixedLine" in is_a else "mobile" if "mobile" in is_a else None)
            if kind in ("landline", "mobile") and name not in TOLD:
                kind = "landline_or_mobile"
            if "generalDesc" in is_a and kind:
                return ("001", WORLD[self.code]) if name == "001" else (name, kind)
            if leading is not None:
                return None                      # its leading digits make it this country's, valid or not
        return None

    def careful(self, node):
        return min(self.beneath[node], key=lambda label: (KINDS.index(label[1]), label[0]))

    def settled(self, node, depth):
        """The one label of what begins here, where one row is to tell it."""
        own, several = self.label[node], len(self.beneath[node]) > 1
        return self.careful(node) if not several or depth == DEPTH or own is not None else None

    def without_row(self, node, depth, label):
        return sum(self.cost(child, depth + 1, label) for child in self.children[node] if child is not None)

    def cost_of(self, node, depth, label):
        """How many rows it takes from here on, where `label` holds already."""
        settled = self.settled(node, depth)
        if settled:
            return int(label != settled)
        return min(self.without_row(node, depth, label), 1 + self.least(node, depth))

    def least_of(self, node, depth):
        return min(self.without_row(node, depth, one) for one in self.labels)

    def rows(self, node, depth, label, prefix):
        if label is not None and self.cost(node, depth, label) == 0:
            return
        settled = self.settled(node, depth)
        if settled:
            if label != settled:
                yield prefix, settled
            return
        best = min(self.labels, key=lambda one: (self.without_row(node, depth, one), one[1] != "landline"))
        if depth == 0:
            # The code's own row is the main country's.
            main = self.territories[0][0]
            best = next(((main, kind) for kind in ("landline", "landline_or_mobile") if (main, kind) in self.labels), best)
        if label is None or self.without_row(node, depth, label) > 1 + self.without_row(node, depth, best):
            label = best
            yield prefix, label
        for digit, child in enumerate(self.children[node]):
            if child is not None:
                yield from self.rows(child, depth + 1, label, prefix + str(digit))

    def ends_at(self, digits):
        node = self.root
        for digit in digits:
            node = node if node is None else self.children[node][int(digit)]
        return node is None


def short_codes(plan, text):
    """Codes of up to three digits that no longer number begins with."""
    pattern = Pattern(text)

    def walk(prefix, node):
        if node is None:
            return
        if prefix and plan.ends_at(prefix) and pattern.ends(node):
            yield prefix
        elif len(prefix) < 3:
            for digit in range(10):
                yield from walk(prefix + str(digit), pattern.after(node, digit))

    return walk("", pattern.root)


def packed(prefixes):
    line = ""
    for prefix in prefixes:
        if len(line) + len(prefix) >= WIDTH:
            yield line
            line = ""
        line += (" " if line else "") + prefix
    yield line


def main(folder, version):
    text = open(f"{folder}/PhoneNumberMetadata.xml", encoding="utf-8").read()
    names = {code: name.strip() for name, code in re.findall(r"<!--\s+([^<>]+?)\s+\((\w\w)\)\s+-->", text)}
    short = ElementTree.parse(f"{folder}/ShortNumberMetadata.xml").getroot().find("territories")
    short = {t.get("id"): {part.tag: found.text for part in t for found in part.iter("nationalNumberPattern")} for t in short}
    by_code = {}
    for territory in ElementTree.fromstring(text).find("territories"):
        by_code.setdefault(territory.get("countryCode"), []).append(territory)

    rows, countries = {}, {}
    for code, territories in sorted(by_code.items()):
        plan = Plan(code, territories)
        for country, _, _ in plan.territories:
            countries[country] = names.get(country, country)
        found = dict(plan.rows(plan.root, 0, None, "+" + code))
        main_country = plan.territories[0][0]
        for tag, kind in [("emergency", "emergency"), ("shortCode", "short")]:
            if tag in short.get(main_country, {}) and main_country in TOLD:
                for prefix in short_codes(plan, short[main_country][tag]):
                    if kind == "emergency" or prefix.startswith("1"):
                        found.setdefault(f"+{code}{prefix}", (main_country, kind))
                if plan.ends_at("11"):           # 116 and 118 in Europe go on for some digits
                    found.setdefault(f"+{code}11", (main_country, "short"))
        for prefix, (country, kind) in found.items():
            rows.setdefault((country, kind), []).append(prefix)
    countries["001"] = "no country"

    print(f"-- Written by scripts/number_ranges.py from libphonenumber {version}: {len(countries)} countries, {sum(map(len, rows.values()))} ranges.")
    print("insert into countries (code, name) values")
    pairs = [f"('{code}', '{name.replace(chr(39), chr(39) * 2)}')" for code, name in sorted(countries.items())]
    lines, line = [], "   "
    for nth, pair in enumerate(pairs):
        pair += ";" if nth == len(pairs) - 1 else ","
        if len(line) + 1 + len(pair) > WIDTH:
            lines.append(line)
            line = "   "
        line += " " + pair
    print("\n".join([*lines, line]))
    print("\ninsert into number_ranges (prefix, country, kind, source)")
    print(f"select prefix, country, kind, 'libphonenumber {version}' from (values")
    entries = []
    for (country, kind), prefixes in sorted(rows.items()):
        entries.append(f"    ('{country}', '{kind}', '" + "\n        ".join(packed(sorted(prefixes))) + "')")
    print(",\n".join(entries))
    print(") packed (country, kind, prefixes), regexp_split_to_table(prefixes, '\\s+') prefix;")


main(*sys.argv[1:])
