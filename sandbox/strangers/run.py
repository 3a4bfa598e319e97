"""Makes the calls one after the other, through the queue, and writes the table. Called by scripts/strangers.sh."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request

from callees import STRANGERS, Callee, room
from telephone import Exchange
from voices import Voices

LONGEST_CALL = 400
"""s: the product's own limit is 300."""
MUTE = 15.0
"""s of silence after understood words from which a call counts as mute; one in which the agent never spoke does too."""


def main() -> int:
    flags = argparse.ArgumentParser()
    flags.add_argument("--http", type=int, required=True, help="port of the model servers")
    flags.add_argument("--cache", required=True, help="folder for what was said once")
    flags.add_argument("--patience", type=float, default=1.0, help="callees wait so many times as long: for a machine that is slow")
    flags.add_argument("--only", default="", help="names of calls, as in en:gives; several with commas")
    flags.add_argument("--out", required=True, help="folder for transcripts, event logs, the table")
    settings = flags.parse_args()
    voices = Voices(os.path.join(settings.cache, "said"))

    def said(since: float) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.http}/said?since={since}", timeout=5) as answer:
            return json.load(answer)["text"]

    wanted = [only for only in settings.only.split(",") if only]
    chosen = [s for only in wanted for s in STRANGERS if f"{s.language}:{s.name}".startswith(only)]
    strangers = list(dict.fromkeys(chosen)) if wanted else STRANGERS
    rooms = {s.number: room(s, voices) for s in strangers}
    callees = {s.number: Callee(s, voices, said, settings.patience) for s in strangers}
    calls = {}

    def lead(call, number):
        calls[number] = call
        callees[number].lead(call)

    exchange = Exchange(lead, rooms.get)
    sql("insert into trunks (name, host, port, preference, calls_per_second, codecs) values "
        f"('strangers', '127.0.0.1', {exchange.port}, 1, 5, array['pcma']) on conflict (name) do update set port = excluded.port")
    os.makedirs(settings.out, exist_ok=True)
    kept = os.path.join(settings.out, "rows.json")
    rows = []
    if wanted and os.path.exists(kept):
        # Some calls are made again; the others stay as they were.
        with open(kept) as file:
            rows = json.load(file)
    for stranger in strangers:
        print(f"strangers: {stranger.language}, {stranger.name}", file=sys.stderr, flush=True)
        row = one_call(stranger, callees[stranger.number], calls, settings.out)
        print("  " + json.dumps(row), file=sys.stderr, flush=True)
        rows = [other for other in rows if (other["language"], other["case"]) != (row["language"], row["case"])] + [row]
        with open(kept, "w") as file:
            json.dump(rows, file, indent=1)
    text = table(sorted(rows, key=lambda row: [(s.language, s.name) for s in STRANGERS].index((row["language"], row["case"]))))
    with open(os.path.join(settings.out, "table.md"), "w") as file:
        file.write(text)
    print(text)
    return 0


def one_call(stranger, callee, calls, out: str) -> dict:
    hint = f"'{stranger.language}'" if stranger.hint else "null"
    name = re.sub(r"[^a-z0-9]+", "-", f"{stranger.language}-{stranger.name}")
    call_id = sql(
        "insert into calls (request_key, restaurant_name, number, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, "
        "wanted_time, earliest_time, latest_time, calling_from, calling_to, max_attempts, language_hint) values "
        f"('strangers-{os.getpid()}-{name}', $${stranger.name}$$, '{stranger.number}', '{stranger.zone}', 'Ada Winter', '+4915112345678', 4, "
        f"current_date + 14, '19:30', '19:00', '20:30', '00:00', '24:00', 1, {hint}) returning id"
    )
    deadline = time.monotonic() + LONGEST_CALL
    state = ""
    while time.monotonic() < deadline and state not in ("finished", "held", "cancelled"):
        time.sleep(0.5)
        state = sql(f"select state from calls where id = {call_id}")
    fields = "outcome, disposition, agreed_time, agreed_party, agreed_date = current_date + 14 as right_day, talked_seconds, language, event_log, recording, notes"
    result = json.loads(sql(f"select row_to_json(r) from (select {fields} from call_results where id = {call_id}) r") or "{}")
    turns = json.loads(sql("select coalesce(json_agg(t order by number), '[]') from (select number, speaker, language, text, started_ms, ended_ms, "
                           f"interrupted from turns where call_id = {call_id}) t"))
    tools = sql(f"select coalesce(json_agg(t order by number), '[]') from (select number, name, arguments, result from tool_calls where call_id = {call_id}) t")
    with open(os.path.join(out, f"{name}.txt"), "w") as file:
        file.write("\n".join([json.dumps(result), "", "As the callee has it:", *callee.log, "", "As the row has it:"]) + "\n")
        for turn in turns:
            file.write(f"{turn['started_ms']:>7} {turn['speaker']:<6} {turn['language'] or '-'} {turn['text']}{' [interrupted]' if turn['interrupted'] else ''}\n")
        file.write("\n" + tools + "\n")
    log, recording = ((result.get(kept) or "").removeprefix("file://") for kept in ("event_log", "recording"))
    for kept, ending in ((log, "events.jsonl"), (recording, recording.rsplit(".", 1)[-1])):
        if os.path.exists(kept):
            shutil.copy(kept, os.path.join(out, f"{name}.{ending}"))
    answer, heard = from_event_log(log) if os.path.exists(log) else (0.0, 0.0)
    call = calls.get(stranger.number)
    silences = list(call.silences) if call else []
    spoken = [turn["language"] for turn in turns if turn["speaker"] == "agent"]
    return {
        "case": stranger.name,
        "language": stranger.language,
        "room": stranger.room,
        "should": f"{stranger.time}, 4" if stranger.time else "no table",
        "came": came(result, state),
        "judged": judged(stranger, result),
        "spoken": spoken,
        "wrong_language": any(language and language != stranger.language for language in spoken[1:]),
        "seconds": round(result.get("talked_seconds") or 0),
        "silence": round(max(silences, default=0.0), 1),
        "understood": round(answer, 1),
        "recogniser": round(heard, 1),
        "mute": not spoken or answer > MUTE,
        "heard_packets": call.packets if call else 0,
    }


def from_event_log(path: str) -> tuple[float, float]:
    """The longest time from understood words to our voice, and from the end of an utterance to its words, s."""
    asked, understood, longest, slowest = {}, None, 0.0, 0.0
    with open(path) as file:
        for line in map(json.loads, file):
            event = line.get("event") or {}
            kind, of, now = event.get("kind"), event.get("of") or {}, line.get("now", 0)
            if kind == "heard" and of["event"] == "speech_ended":
                asked[of["utterance"]] = of["ended"]
            elif kind == "heard" and of["event"] == "speech_started":
                understood = None  # they go on: the answer is to all of it
            elif kind == "transcribed":
                slowest = max(slowest, now - asked.get(of["utterance"], now))
                understood = now if of["transcript"]["text"] else understood
            elif kind == "playout" and of["event"] == "started" and understood is not None:
                longest, understood = max(longest, now - understood), None
    return longest / 1000, slowest / 1000


def came(result: dict, state: str) -> str:
    if result.get("outcome") in ("booked", "booked_alternative", "unconfirmed") and result.get("agreed_time"):
        return f"{result['outcome']} {result['agreed_time'][:5]}, {result['agreed_party']}"
    return result.get("outcome") or result.get("disposition") or state


def judged(stranger, result: dict) -> str:
    """A wrong agreement is a table the callee did not give; everything else that is not as it should be is `other`."""
    booked = result.get("outcome") in ("booked", "booked_alternative")
    exact = (result.get("agreed_time") or "")[:5] == stranger.time and result.get("agreed_party") == 4 and result.get("right_day")
    if booked:
        return "right" if exact else "wrong agreement"
    return "right" if result.get("outcome") in stranger.outcomes else "other"


def table(rows: list[dict]) -> str:
    lines = ["| callee | language, room | should be | came out | | agent spoke | s | silent after understood words, s | recogniser took, s | silent in all, s |", "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        place = row["language"] + ("" if row["room"] == "quiet" else f", {row['room']}")
        spoken = " ".join(language or "-" for language in row["spoken"])
        lines.append(f"| {row['case']} | {place} | {row['should']} | {row['came']} | {row['judged']} | {spoken} | {row['seconds']} | {row['understood']} | {row['recogniser']} | {row['silence']} |")
    english = [row for row in rows if row["language"] == "en"]
    right = sum(row["judged"] == "right" for row in english)
    wrong, mute, lost = (sum(bool(row[what] == value) for row in rows) for what, value in
                         (("judged", "wrong agreement"), ("mute", True), ("wrong_language", True)))
    lines += ["", "| aim | measured |", "|---|---|", f"| 0 wrong agreements | {wrong} |", f"| 0 mute calls | {mute} |",
              f"| 0 calls in another language after the second turn | {lost} |",
              f"| 90 % right with the English neural voice | {right} of {len(english)} |"]
    return "\n".join(lines) + "\n"


def sql(statement: str) -> str:
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement, os.environ["OFFHOOK_DATABASE_URL"]]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"strangers: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
