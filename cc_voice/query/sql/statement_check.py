"""Statement check: which statements are let through; one SELECT, published relations, harmless functions.

Runs inside the sandbox and imports nothing of cc_voice. The text is taken apart by DuckDB's own parser (`json_serialize_sql`), so
there is no second idea of what SQL means; what it returns is walked, and every kind of node, relation and function that is not on
a list is refused. `get_table_names` lost: it sees through views of the catalog (`pg_catalog.pg_class` → nothing) and knows no
functions.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb

MAX_TEXT = 100_000
"""Characters; DuckDB's parser takes more, people do not write it."""
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
_SIDE_EFFECTS_ALLOWED = frozenset({"random", "uuid", "gen_random_uuid"})
"""Not `error`: what it says is evaluated where the engine likes, perhaps before a row is found out of scope."""
_NOT_OFFERED = re.compile(
    # about the engine, its settings and its catalog; statements as values; what only waits
    r"pg_.*|current_(catalog|database|query|query_id|role|schema|schemas|setting|user|connection_id|transaction_id)|session_user|user"
    r"|version|getvariable|getenv|in_search_path|inet_.*|has_.*_privilege|(col|obj|shobj)_description|txid_current|get_block_size"
    r"|json_(execute_serialized_sql|serialize_sql|serialize_plan|deserialize_sql)|sleep_ms|write_log|parse_duckdb_log_message"
    r"|stats|error|__internal_.*|create_sort_key|to_aggregate_state|finalize|combine|sql_.*|query|query_table|which_secret|read_.*|glob"
)
_NODES = re.compile(
    r"SELECT_NODE|SET_OPERATION_NODE|RECURSIVE_CTE_NODE|CTE_NODE"  # queries
    r"|BASE_TABLE|SUBQUERY|JOIN|EMPTY|EMPTY_FROM|EXPRESSION_LIST|TABLE_FUNCTION|PIVOT"  # relations
    r"|(COMPARE|CONJUNCTION|OPERATOR|WINDOW|ORDER|CASE|STRUCT|ARRAY|LIST|GROUPING|LIMIT|DISTINCT|CAST|VALUE)_\w+"  # expressions
    r"|ASCENDING|DESCENDING|FUNCTION|COLUMN_REF|LAMBDA|LAMBDA_REF|STAR|COLLATE|POSITIONAL_REFERENCE|TYPE|BETWEEN|CASE|AGGREGATE|\w+_TYPE_INFO"
)
_NAME = re.compile(r"[^\W\d]\w*")


class Offered(NamedTuple):
    """What a statement may name. All lower case."""

    relations: frozenset[str]
    hidden: frozenset[str]
    """Relations of the catalog that are not published: no name of a WITH may be one, or the two could be taken for each other."""
    functions: frozenset[str]


class StatementRefused(Exception):
    """The statement is not let through; the message says why."""


def offered(con: duckdb.DuckDBPyConnection, published: list[str]) -> Offered:
    """Return what this connection offers when these relations are published."""
    catalog = con.execute(
        "select lower(table_name) from duckdb_tables() union select lower(view_name) from duckdb_views()"
    ).fetchall()
    functions = con.execute(
        "select distinct lower(function_name), coalesce(has_side_effects, false) from duckdb_functions() "
        "where function_type in ('scalar', 'aggregate', 'macro', 'window')"
    ).fetchall()
    waiting = {name for name, effects in functions if effects} - _SIDE_EFFECTS_ALLOWED
    harmless = {name for name, _ in functions if name not in waiting and not _NOT_OFFERED.fullmatch(name)}
    relations = frozenset(name.lower() for name in published)
    return Offered(relations, frozenset(name for (name,) in catalog) - relations, frozenset(harmless | _TABLE_FUNCTIONS))


def check_statement(con: duckdb.DuckDBPyConnection, sql: str, allowed: Offered) -> None:
    """Let a statement through or raise Refusal."""
    if len(sql) > MAX_TEXT:
        raise StatementRefused(f"the text is longer than {MAX_TEXT} characters")
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise StatementRefused(str(error).strip()) from error
    if len(statements) != 1:
        raise StatementRefused(f"there are {len(statements)} statements; ask with one SELECT")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise StatementRefused(f"this is {statements[0].type.name}; ask with one SELECT")
    tree = json.loads(con.execute("select json_serialize_sql($1)", [sql]).fetchall()[0][0])
    if tree.get("error"):
        raise StatementRefused(f"ask with one SELECT: {tree.get('error_message')}")
    nodes = list(_nodes(tree))
    _check_relations(nodes, allowed)
    for node in nodes:
        _check_node(node, allowed)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the tree; without recursion, as nesting is up to whoever wrote the text."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _check_relations(nodes: list[dict[str, Any]], allowed: Offered) -> None:
    own = {str(entry["key"]).lower() for node in nodes if "cte_map" in node for entry in node["cte_map"].get("map", [])}
    for name in own:
        if name in allowed.hidden | allowed.relations or not _NAME.fullmatch(name):
            raise StatementRefused(f"WITH cannot define {name!r}; choose another name")
    for node in nodes:
        if node.get("type") != "BASE_TABLE":
            continue
        name = str(node["table_name"]).lower()
        if node.get("catalog_name") or node.get("schema_name") or name not in allowed.relations | own:
            whole = ".".join(filter(None, [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]))
            raise StatementRefused(f"{whole} is not published; there are: {', '.join(sorted(allowed.relations))}")


def _check_node(node: dict[str, Any], allowed: Offered) -> None:
    kind = node.get("type")
    if kind == "VALUE_PARAMETER":
        raise StatementRefused("there are no values for parameters; write them into the text")
    if kind == "SHOW_REF":
        raise StatementRefused(
            "DESCRIBE, SHOW and SUMMARIZE are not offered; the columns of a view are those of `from VIEW limit 1`"
        )
    if isinstance(kind, str) and not _NODES.fullmatch(kind):
        raise StatementRefused(f"{kind.lower().replace('_', ' ')} is not offered; ask with one SELECT on the published views")
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in _TABLE_FUNCTIONS:
            raise StatementRefused(f"the table function {name or 'of this kind'} is not offered")
    if "function_name" in node and str(node["function_name"]).lower() not in allowed.functions:
        raise StatementRefused(f"the function {node['function_name']} is not offered")
