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
    printf 'abc' > "$folder/recording.opus" ;;
*'play: wait'*)
    wait_for go
    report '{"disposition":"busy","sip_code":486,"sip_reason":"Busy Here","detail":null,"codec":null,"media":null,"recording":null}' ;;
*'play: torn'*) printf '{"disposition":"ans' > "$folder/report.json" ;;
*'play: nonsense'*)
    report '{"disposition":"answered","sip_code":null,"sip_reason":null,"detail":null,"codec":null,"media":null,"recording":{"uri":"file:///x","sha256":"00","bytes":18446744073709551615,"duration_ms":10,"complete":true}}' ;;
*'play: deaf'*) trap '' TERM; while :; do sleep 0.05; done ;;
*) exit 7 ;;
esac
