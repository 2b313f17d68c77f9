"""Tables of medians. A figure exists only if it was measured; what was not measured is named with its reason."""

import json
import statistics
import sys


def note(text):
    print(text, file=sys.stderr, flush=True)


class Rounds:
    """Figures of several rounds, by what was done and who did it."""

    def __init__(self):
        self.figures = {}

    def add(self, work, who, **figures):
        for name, value in figures.items():
            self.figures.setdefault((work, who), {}).setdefault(name, []).append(value)

    def median(self, work, who, name):
        values = self.figures.get((work, who), {}).get(name)
        return statistics.median(values) if values else None


class Table:
    """Rows with a value, or a dash, in each column."""

    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []

    def row(self, *cells):
        self.rows.append(["-" if cell is None else cell for cell in cells])


class Report:
    """Prints each table when it is complete, so that a part that fails later loses nothing."""

    def __init__(self):
        self.tables, self.missing, self.goals = [], [], []

    def fact(self, name, value):
        print(f"{name}: {value}", flush=True)

    def publish(self, table):
        self.tables.append(table)
        print(f"\n## {table.title}\n")
        for cells in [table.columns, ["---"] * len(table.columns), *table.rows]:
            print("| " + " | ".join(map(str, cells)) + " |")
        sys.stdout.flush()

    def not_measured(self, who, reason):
        self.missing.append({"who": who, "reason": str(reason)})
        print(f"\n{who} was not measured: {reason}", flush=True)

    def goal(self, what, value, at_least=None, at_most=None):
        """Holds a figure against what it is to be, if it was measured."""
        if value is not None:
            is_reached = value >= at_least if at_most is None else value <= at_most
            bound = f">= {at_least}" if at_most is None else f"<= {at_most}"
            self.goals.append([what, f"{value:,.2f}", bound, "pass" if is_reached else "FAIL"])

    def publish_goals(self):
        table = Table("Goals", ["what", "measured", "goal", ""])
        table.rows = self.goals
        if table.rows:
            self.publish(table)

    def write(self, path):
        tables = [{"title": each.title, "columns": each.columns, "rows": each.rows} for each in self.tables]
        with open(path, "w") as file:
            json.dump({"tables": tables, "notMeasured": self.missing}, file, indent=1)


def figure(value, digits=0):
    return None if value is None else f"{value:,.{digits}f}"


def ratio(value, other):
    return value / other if value is not None and other else None


def percentile(values, share):
    """The smallest value that at least `share` percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
