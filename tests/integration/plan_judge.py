"""What is wrong with a plan, by its shape: EXPLAIN (FORMAT JSON, VERBOSE) in, complaints out.

Costs and row counts are not looked at: a plan is made once per connection, maybe while the
table is empty, and must stay right when the table has grown.
"""

import re

# Tables that stay small: the operator's people and machines, not customers or traffic.
SMALL = {"admins", "admin_sessions", "providers", "daemon_heartbeats", "alerts", "schema_migrations",
         "stats_progress"}

# (table, column): an equality on the column leaves a handful of rows, by what they are.
FEW = {
    ("message_transitions", "message_id"), ("webhook_attempts", "event_id"),
    ("webhook_deliveries", "event_id"), ("webhook_secrets", "endpoint_id"),
    ("webhook_keys", "instance_id"), ("tokens", "company_id"), ("orphans", "external_id"),
    ("instance_webhooks", "company_id"), ("ledger_accepted", "company_id"),
    ("admin_sessions", "admin_id"), ("queue_metadata", "company_id"), ("stats_totals", "company_id"),
}

SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Sample Scan")
# A row of the child is a row of these, in the same order; a Limit above bounds the scan below.
STREAMS = ("Limit", "LockRows", "Subquery Scan", "Append", "Merge Append", "Result", "Unique")
# These hold all rows of their child at once.
HOLDS = ("Sort", "Incremental Sort", "Hash", "Materialize", "WindowAgg")


class Catalog:
    """Partitions and unique keys, read once from the database."""

    def __init__(self, connection):
        rows = connection.execute(
            "SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits").fetchall()
        self.parents = dict(rows)
        self.keys = {}  # table -> sets of columns that a unique index has
        for table, columns in connection.execute(
                "SELECT i.indrelid::regclass::text, array_agg(a.attname::text) FROM pg_index i"
                " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
                " WHERE i.indisunique AND i.indexprs IS NULL GROUP BY i.indexrelid, i.indrelid"):
            self.keys.setdefault(table, []).append(set(columns))
        self.partition_keys = dict(connection.execute(
            "SELECT p.partrelid::regclass::text, a.attname::text FROM pg_partitioned_table p"
            " JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]"))

    def table_of(self, node):
        """The table a scan reads; of a partition its parent."""
        name = node["Relation Name"]
        return self.parents.get(name, name)

    def is_one_row(self, table, columns):
        return any(key <= columns for key in self.keys.get(table, []))


class Judge:
    """complaints(plan): (table, what) of everything wrong in one statement's plan."""

    def __init__(self, catalog):
        self.catalog = catalog

    def complaints(self, plan):
        self.ctes = {}
        self.found = []
        self._collect(plan)
        self._walk(plan, [])
        return sorted(set(self.found))

    def _collect(self, node):
        name = node.get("Subplan Name", "")
        if name.startswith("CTE "):
            self.ctes[name[4:]] = node
        for child in node.get("Plans", []):
            self._collect(child)

    def _walk(self, node, above):
        if node["Node Type"] in SCANS and self.catalog.table_of(node) not in SMALL:
            self._judge_scan(node, above)
        if node["Node Type"] in ("Append", "Merge Append"):
            self._judge_partitions(node)
        if (node["Node Type"] in HOLDS or node.get("Strategy") in ("Hashed", "Mixed")) and not self._is_limited(above):
            for child in node["Plans"][:1]:
                for table in self._unbounded(child):
                    self.found.append((table, f"{node['Node Type']} of an unbounded set"))
        for child in node.get("Plans", []):
            # A subplan starts afresh: a Limit of its caller does not reach into it.
            is_inner = child.get("Parent Relationship") in ("Outer", "Member", "Subquery")
            self._walk(child, above + [node] if is_inner else [])

    def _judge_scan(self, node, above):
        table = self.catalog.table_of(node)
        if node["Node Type"] == "Bitmap Heap Scan":
            if any("Index Cond" not in index for index in _bitmap_indexes(node)):
                self.found.append((table, "whole index read (bitmap)"))
        elif not node["Node Type"].startswith("Index"):
            self.found.append((table, node["Node Type"]))
        elif "Index Cond" not in node and ("Filter" in node or not self._is_limited(above)):
            self.found.append((table, "whole index read"))

    def _is_limited(self, above):
        """A Limit reaches down to here through nodes that hand rows on as they come."""
        for node in reversed(above):
            if node["Node Type"] == "Limit":
                return True
            if node["Node Type"] not in STREAMS:
                return False
        return False

    def _judge_partitions(self, node):
        """Each partition that is left must be bound to the key, or be the only ones left."""
        for child in node["Plans"]:
            if child["Node Type"] not in SCANS or child["Relation Name"] not in self.catalog.parents:
                continue
            table = self.catalog.table_of(child)
            key = self.catalog.partition_keys[table]
            conds = " AND ".join([child.get("Index Cond", ""), child.get("Filter", ""),
                                  child.get("Recheck Cond", "")])
            if not re.search(rf"\.{key} (=|<|>|<=|>=) (?!ANY|ALL)|= \w+\.{key}\b", conds):
                self.found.append((table, "every partition visited"))

    def _unbounded(self, node):
        """Tables whose share of node's rows has no bound that the text gives."""
        kind = node["Node Type"]
        if kind == "Limit" or kind == "Aggregate" and node["Strategy"] == "Plain":
            return []
        if kind == "CTE Scan":
            source = self.ctes.get(node["CTE Name"])
            return self._unbounded(source) if source else []
        if kind in SCANS:
            table = self.catalog.table_of(node)
            columns = self._equal_columns(node)
            is_few = table in SMALL or self.catalog.is_one_row(table, columns) or any(
                (table, c) in FEW for c in columns)
            return [] if is_few else [table]
        found = []
        for child in node.get("Plans", []):
            if child.get("Parent Relationship") not in ("InitPlan", "SubPlan"):
                found += self._unbounded(child)
        return found

    def _equal_columns(self, node):
        conds = [node.get("Index Cond", "")]
        if node["Node Type"] == "Bitmap Heap Scan":
            conds = [index.get("Index Cond", "") for index in _bitmap_indexes(node)]
        own = re.escape(node["Alias"])
        return set(re.findall(rf"\(+{own}\.(\w+) = ", " ".join(conds))) | set(
            re.findall(r"\((\w+) = ", " ".join(conds)))


def _bitmap_indexes(node):
    if node["Node Type"] == "Bitmap Index Scan":
        return [node]
    return [i for child in node.get("Plans", []) for i in _bitmap_indexes(child)]
