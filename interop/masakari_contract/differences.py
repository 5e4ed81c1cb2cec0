"""What differs on purpose, each tied to a row of docs/operators/compatibility.md by the beginning of its first cell.

A difference rewrites Masakari's answer into the one that Themis gives instead; only then are both compared. One that rewrites
nothing any more is an error, and so is one that the papers do not name. Each says by the request and by both answers what it
is good for, as narrowly as can be said; it may take Themis's answer over whole only where it has looked at both.
"""
import dataclasses
import json
import pathlib
import re
from collections.abc import Callable

PAPERS = pathlib.Path(__file__).resolve().parents[2] / "docs/operators/compatibility.md"
ALL, OLDER, NEWEST = ("debian", "newest"), ("debian",), ("newest",)


@dataclasses.dataclass(frozen=True)
class Difference:
    """`told(step, theirs, ours)` is the answer expected instead of `theirs`; None where the difference does not apply."""
    where: str
    told: Callable
    releases: tuple = ALL

    def rewrite(self, step, theirs, ours):
        told = self.told(step, theirs, ours)
        return theirs if told is None else told


def message(answer):
    """The text of a fault of the usual shape; empty for any other answer."""
    try:
        (fault,) = json.loads(answer["body"]).values()
        return fault["message"]
    except (ValueError, AttributeError, KeyError, TypeError):
        return ""


# Years that are not sent to the database.
OUTSIDE = r'generated_time": "(0\d\d\d|1[0-8]\d\d|19[0-6]\d|1970|203[89]|20[4-9]\d|2[1-9]\d\d|[3-9]\d\d\d)'


def becomes(requests, theirs_status, ours_status, said=""):
    """Answers of one status become ours of another, where ours says `said` (a pattern). `requests` matches the step's name."""
    theirs_status, ours_status = ({given} if isinstance(given, int) else set(given) for given in (theirs_status, ours_status))

    def told(step, theirs, ours):
        if theirs["status"] in theirs_status and ours["status"] in ours_status and re.search(requests, step.name) and re.search(said,
                                                            ours["body"]):
            return ours
        return None
    return told


SCHEMA = re.compile(r"(is not of type|required property|Additional properties are not|does not match|is too (long|short)|should be non-empty|is not one of|under any of the given schemas|"
                    r"is not a '|An invalid 'name'|the text (may hold|is too long)|expected string or bytes)")


def schema_texts(step, theirs, ours):
    """Both refuse the body for what stands in it; only the words differ."""
    if theirs["status"] == ours["status"] == 400 and step.body is not None and SCHEMA.search(message(theirs)) and SCHEMA.search(message(ours)):
        return {**theirs, "body": ours["body"]}
    return None


def numbers_beyond(step, theirs, ours):
    """Python reads NaN, infinity and half of a surrogate pair."""
    is_odd = step.body is not None and re.search(rb"NaN|Infinity|1e999|1e\+300|\\ud800", step.body)
    if is_odd and theirs["status"] == ours["status"] == 400 and message(ours) == "Malformed request body":
        return {**theirs, "body": ours["body"]}
    return None


def rows(answer):
    """The rows of a list; None for any other answer."""
    try:
        body = json.loads(answer["body"].replace('"id": <id>', '"id": 0'))
        (listed,) = (value for value in body.values() if isinstance(value, list))
        return listed if answer["status"] == 200 and all(isinstance(row, dict) for row in listed) else None
    except (ValueError, AttributeError):
        return None


NULL_KEYS = r"[?&]sort_key=(source_host|description|updated_at|deleted_at|message)&sort_dir=asc&limit=(\d+)&marker="


def page_behind_null(step, theirs, ours):
    """Masakari's page is empty; ours has at most `limit` rows, those without a value first and then by it, none twice."""
    asked = re.search(NULL_KEYS, step.name)
    if not asked or rows(theirs) != [] or not rows(ours) or len(rows(ours)) > int(asked[2]):
        return None
    values = [row.get(asked[1]) for row in rows(ours)]
    uuids = {row.get("uuid", row.get("notification_uuid")) for row in rows(ours)}
    in_order = values == sorted(values, key=lambda value: (value is not None, value or ""))
    return {**theirs, "body": ours["body"]} if in_order and len(uuids) == len(values) else None


TRUTH = {**dict.fromkeys(("1", "true", "yes", "on", "t", "y"), True), **dict.fromkeys(("0", "false", "no", "off", "f", "n"), False)}


def filter_enabled(step, theirs, ours):
    """Ours takes the word for what it means and shows such segments only, or refuses it."""
    asked = re.search(r"/v1/segments\?enabled=(\w*)$", step.name)
    if not asked or theirs["status"] != 200:
        return None
    wanted = TRUTH.get(asked[1].lower())
    if wanted is None:
        return ours if ours["status"] == 400 and "enabled" in message(ours) else None
    shown = [row.get("enabled") for row in rows(ours) or []]
    return {**theirs, "body": ours["body"]} if shown and all(is_so is wanted for is_so in shown) else None


PROXIES = r"proxy headers: .*X-Forwarded-Prefix|proxy headers: .*X-Forwarded-(Host|Proto): [^ ]*, |Forwarded: for=\""
HREF = re.compile(r'"href": "([^"\\]*(?:\\.[^"\\]*)*)"')
LINK = re.compile(r"https://docs\.openstack\.org/|https?://([a-z0-9.-]+|<host>)(:\d+)?(/instance-ha|/x)?/v1/(foo/bar)?")


def links(step, theirs, ours):
    """Only links differ, and ours name one scheme, one host and the prefix once."""
    if not re.search(PROXIES, step.name) or theirs["status"] != ours["status"]:
        return None
    meant = HREF.findall(ours["body"])
    if not meant or HREF.sub("", theirs["body"]) != HREF.sub("", ours["body"]) or not all(map(LINK.fullmatch, meant)):
        return None
    lengths = {name: value for name, value in ours["headers"].items() if name == "content-length"}
    return {**theirs, "headers": {**theirs["headers"], **lengths}, "body": ours["body"]}


def no_atom(step, theirs, ours):
    """Masakari's JSON is named Atom."""
    kind = theirs["headers"].get("content-type", "")
    if "Accept: application/atom+xml" in step.name and theirs["status"] == 200 and kind.startswith("application/atom+xml"):
        return {**theirs, "headers": {**theirs["headers"], "content-type": "application/json"}}
    return None


def no_length(step, theirs, ours):
    if theirs["status"] == ours["status"] == 204:
        return {**theirs, "headers": {name: value for name, value in theirs["headers"].items() if name != "content-length"}}
    return None


def replaced(pattern, text, requests=""):
    """Masakari's body with a pattern replaced."""
    def told(step, theirs, ours):
        if re.search(requests, step.name):
            return {**theirs, "body": re.sub(pattern, text, theirs["body"])}
        return None
    return told


def read_as_latin(step, theirs, ours):
    """WSGI hands a path on as Latin-1, and Masakari shows it so."""
    if step.path.isascii() and "%" in step.path and not theirs["body"].isascii():
        try:
            return {**theirs, "body": theirs["body"].encode("latin-1").decode()}
        except UnicodeError:
            pass
    return None


def without_older_names(step, theirs, ours):
    """Release 14 calls the service by its code name in the header."""
    value = theirs["headers"].get("openstack-api-version", "")
    if value.startswith("masakari "):
        return {**theirs, "headers": {**theirs["headers"], "openstack-api-version": value.replace("masakari", "instance-ha")}}
    return None


def older_maximum(step, theirs, ours):
    """Release 14 ends at 1.2: version documents say so, `latest` means it, 1.3 is refused."""
    if theirs["status"] == 406 and "maximum is 1.2" in theirs["body"]:
        if "Version 1.3 is" in theirs["body"]:
            return ours
        return {**theirs, "body": theirs["body"].replace("maximum is 1.2", "maximum is 1.3"), "headers": ours["headers"]}
    headers = dict(theirs["headers"])
    if "instance-ha latest" in step.name and headers.get("openstack-api-version", "").endswith(" 1.2"):
        headers["openstack-api-version"] = "instance-ha 1.3"
    newest = theirs["body"].replace('"version": "1.2", "min_version"', '"version": "1.3", "min_version"')
    return {**theirs, "headers": headers, "body": newest}


def older_notification(step, theirs, ours):
    """Release 14 shows a notification without two of its columns."""
    shorter = re.sub(r', "failover_segment_uuid": [^,}]+, "message": (null|"[^"]*")', "", ours["body"])
    if "notification" in ours["body"] and shorter != ours["body"] and shorter == theirs["body"]:
        return {**theirs, "body": ours["body"]}
    return None


DIFFERENCES = [
    # What Masakari changed between 14 and 22.
    Difference("`OpenStack-API-Version` of an answer", without_older_names, OLDER),
    Difference("Newest microversion", older_maximum, OLDER),
    Difference("`failover_segment_uuid` and `message` of a notification", older_notification, OLDER),
    Difference("`failover_segment_uuid` and `message` of a notification", becomes(r"sort_key=(message|failover_segment_uuid)", 400, 200),
               OLDER),
    Difference("vmoves", becomes(r"/vmoves", 404, range(600)), OLDER),
    Difference("vmoves", becomes(r"/extensions/vmoves", 404, range(600)), OLDER),
    Difference("vmoves", replaced(r'(\{"name": "Versions"[^}]*\})\]',
                                  r'\1, {"name": "vmoves", "alias": "vmoves", "description": "vmoves controller", "namespace": "", "updated": "", "links": []}]', "/extensions"), OLDER),
    # Bad input that is no fault of the service.
    Difference("`null` for a host's `type`",
               becomes(r"host fields.*(null|x{40})|\"description\": \"x{40}|sort_key=(hosts|failover_segment|metadata|__class__)", 500,
                       400, r"(not of type 'string'|too long|InvalidSortKey)")),
    Difference("`null` for a host's `type`", becomes(r"/vmoves/", 500, 404, "No notification with id")),
    Difference("Bytes that are no UTF-8", becomes(r"\?%FF=1", 500, 200, r'^\{"[a-z]+": \[\{')),
    Difference("Bytes that are no UTF-8", becomes(r"\?limit=%FF", 500, 400, "limit must be an integer")),
    Difference("Bytes that are no UTF-8", becomes(r"\?sort_key=%FF", 500, 400, "InvalidSortKey")),
    Difference("Bytes that are no UTF-8", becomes(r": (?!HEAD )[A-Z]+ /\S*%ff", 500, 300, '"choices"')),
    Difference("Bytes that are no UTF-8", becomes(r": HEAD /\S*%ff", 500, 300, "^$")),
    Difference("Bytes that are no UTF-8", becomes(r"raw bodies", 500, 400, "Malformed request body")),
    Difference("`marker` that is no number", becomes(r"marker=(12ab|1\.0|@l1@)", 200, 400, "could not be found")),
    Difference("`marker` that is no number", replaced(r"Marker \+1 could", "Marker 1 could", r"marker=%2B1")),
    Difference("`limit=1_0`", becomes(r"limit=(1_0|%D9%A1)", 200, 400, "must be an integer")),
    Difference("A time before 1971", becomes(OUTSIDE, (202, 500), 400, "is not a 'date-time'")),
    Difference("A line end at the end", becomes(r"\\n\"", (200, 201, 400, 409), 400, r"does not match|An invalid 'name'")),
    Difference("JSON that is none", numbers_beyond),
    Difference("`Content-Type` in other letters", becomes(r"Content-Type: (Application/JSON| application/json )", 415, (200, 400, 404,
                                                            405))),
    Difference("A body beyond the limit outside `/v1`", becomes(r"size: POST /(foo)? ", (200, 300), 413)),
    # What an operator or a monitor needs otherwise.
    Difference("A segment in use", becomes(r"in use: PUT", 409, 200)),
    Difference("A segment in use", becomes(r"in use: POST /v1/segments/@used@/hosts .*compute-added-(new|running|error)", 201, 201,
                                           r'"(service_type|description)": "(new|running|error)"')),
    Difference("Filter `enabled`", filter_enabled),
    Difference("`enabled` of a segment that is changed by a word", becomes(r'PUT /v1/segments/@changing@ .*"enabled": "', 200, 200,
                                                            '"enabled": false')),
    Difference("Host name in a notification", becomes(r'compute-n\.example\.org', 400, 202)),
    Difference("`recovery_workflow_details`", becomes(r"GET /v1/notifications/@disabled@", 500, 200,
                                                      '"recovery_workflow_details": \\[\\], "failover_segment_uuid"')),
    Difference("Ids in upper case", becomes(r"\.upper@|/AAAAAAAA-", 200, 404)),
    Difference("A page behind a row whose sort key is null", page_behind_null, NEWEST),
    Difference("`notifications:create`", becomes(r"POST /v1/notifications as service", 403, 400)),
    # Forms.
    Difference("204", no_length),
    Difference("Texts of schema errors", schema_texts),
    Difference("Text of a 413", replaced(r"max_request_body_size \(%s\)", "max_request_body_size (114688)"), NEWEST),
    Difference("An id that is no ASCII", read_as_latin),
    Difference("`X-Forwarded-Prefix`", links),
    Difference("`Accept: ...;version=1`", becomes(r"application/json;version=1", (200, 404), (200, 300))),
    Difference("`Accept: application/atom+xml`", no_atom),
]


def not_documented():
    """The differences whose row the papers do not have."""
    cells = [line.split("|")[1].strip() for line in PAPERS.read_text().splitlines() if line.startswith("|")]
    return [difference.where for difference in DIFFERENCES if not any(cell.startswith(difference.where) for cell in cells)]
