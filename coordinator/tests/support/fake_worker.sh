#!/bin/sh
# A worker for the tests of launching: calls nobody, does what the guest's special requests say. $1 is the specification.
folder=$(dirname "$1")
report() { printf '%s' "$1" > "$folder/report.tmp" && mv "$folder/report.tmp" "$folder/report.json"; }
wait_for() { while [ ! -e "$folder/../$1" ]; do sleep 0.02; done; }
touch "$folder/../started-$(basename "$folder")" 2>/dev/null
case "$(cat "$1")" in
*'play: busy'*)
    report '{"disposition":"busy","sip_code":486,"sip_reason":"Busy Here","detail":null,"codec":null,"media":null,"recording":null}' ;;
*'play: booked'*)
    report '{"disposition":"answered","sip_code":null,"sip_reason":null,"detail":null,"codec":"opus","media":null,"recording":{"uri":"file:///spool/recording.opus","sha256":"00","bytes":3,"duration_ms":10,"complete":true},"outcome":"booked","agreed_date":"2027-12-04","agreed_time":"19:30:00","agreed_party":2,"agreed_name":"Ada","reference":"R7","notes":null,"offers":[],"evidence":[2,4],"language":"de"}'
    printf '{"line":"setup"}\n' > "$folder/events.jsonl"
    printf 'abc' > "$folder/recording.opus" ;;
*'play: unrecorded'*)
    printf '{"line":"setup"}\n' > "$folder/events.jsonl"
    report '{"disposition":"answered","sip_code":200,"sip_reason":null,"detail":null,"codec":"opus","media":null,"recording":null,"outcome":"booked","agreed_date":"2027-12-04","agreed_time":"19:30:00","agreed_party":2,"agreed_name":"Ada","reference":null,"notes":null,"offers":[],"evidence":[],"language":"de"}' ;;
*'play: killed'*)
    printf '{"line":"setup"}\n{"line":"ev' > "$folder/events.jsonl"
    kill -KILL $$ ;;
*'play: environment'*)
    env > "$folder/../environment.tmp" && mv "$folder/../environment.tmp" "$folder/../environment-$(basename "$folder")"
    wait_for go
    report '{"disposition":"busy","sip_code":486,"sip_reason":"Busy Here","detail":null,"codec":null,"media":null,"recording":null}' ;;
*'play: wait'*)
    wait_for go
    report '{"disposition":"busy","sip_code":486,"sip_reason":"Busy Here","detail":null,"codec":null,"media":null,"recording":null}' ;;
*'play: cut off'*)
    # As a worker leaves that could not reach the database from ringing on, and ran out of patience.
    printf '{"number":1,"name":"accept_offer","arguments":{"time":"19:30"}}\n' > "$folder/tools.jsonl"
    printf '%s' '[{"note":"progress","step":"dialing","detail":{},"at":"2026-11-20T18:00:00Z"},
        {"note":"progress","step":"ringing","detail":{"code":180},"at":"2026-11-20T18:00:01Z"},
        {"note":"progress","step":"talking","detail":{},"at":"2026-11-20T18:00:05Z"},
        {"note":"turn","number":1,"speaker":"callee","language":"de","text":"Guten Abend","started_ms":100,"ended_ms":900,"interrupted":false},
        {"note":"turn","number":2,"speaker":"agent","language":"de","text":"Guten","started_ms":1000,"ended_ms":1500,"interrupted":false},
        {"note":"turn","number":2,"speaker":"agent","language":"de","text":"Guten Abend, einen Tisch","started_ms":1000,"ended_ms":3000,"interrupted":true},
        {"note":"event","number":1,"kind":"saying","detail":{"text":"Guten Abend"},"at":"2026-11-20T18:00:06Z"},
        {"note":"tool_end","number":1,"result":{"accepted":true}}]' > "$folder/notes.json"
    report '{"disposition":"answered","sip_code":200,"sip_reason":null,"detail":null,"codec":"opus","media":null,"recording":null,"outcome":"booked","agreed_date":"2027-12-04","agreed_time":"19:30:00","agreed_party":2,"agreed_name":"Ada","reference":null,"notes":null,"offers":[],"evidence":[1,2],"language":"de"}'
    exit 3 ;;
*'play: torn'*) printf '{"disposition":"ans' > "$folder/report.json" ;;
*'play: nonsense'*)
    report '{"disposition":"answered","sip_code":null,"sip_reason":null,"detail":null,"codec":null,"media":null,"recording":{"uri":"file:///x","sha256":"00","bytes":18446744073709551615,"duration_ms":10,"complete":true}}' ;;
*'play: deaf'*) trap '' TERM; while :; do sleep 0.05; done ;;
*'play: complain'*)
    url=$(cat "$1"); url=${url#*\"database_url\":\"}; url=${url%%\"*}
    printf '{"level":"INFO","fields":{"message":"hello"}}\n{"level":"ERROR","fields":{"message":"nothing was dialled","error":"no login with %s"}}\n' "$url" >&2
    exit 2 ;;
*) exit 7 ;;
esac
