#!/usr/bin/env bash
# The tables of docs/hearing.md: what the ear hears of voices on lines of many kinds, and what it does not take for a voice.
#
#   scripts/hearing.sh           all tables; minutes on one core
#   scripts/hearing.sh levels    one of them: levels, voices, codecs, noises, alarms, rooms
#
# Beside espeak-ng's voices it takes recorded and statistical ones from Debian packages, unpacked into a folder outside this checkout
# (100 MB; CC-BY-SA 3.0 and the like, so they are not in the repository), and the neural voice of `make strangers` where that was run.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

cache=${HEARING:-${XDG_CACHE_HOME:-$HOME/.cache}/offhook-hearing}
strangers=${STRANGERS:-${XDG_CACHE_HOME:-$HOME/.cache}/offhook-strangers}
packages=(asterisk-core-sounds-en-wav asterisk-core-sounds-es-wav asterisk-core-sounds-fr-wav asterisk-core-sounds-it-wav
    asterisk-core-sounds-ru-wav asterisk-prompt-it-menardi-wav asterisk-moh-opsound-wav flite libflite1)
said="Good evening, Golden Lion, how may I help you? Yes, we have a table for four at half past seven."

for program in sox espeak-ng apt-get dpkg; do
    command -v "$program" >/dev/null || fail "$program is not installed: run scripts/setup.sh on Debian"
done
if [ ! -e "$cache/complete" ]; then
    say "fetching voices into $cache"
    mkdir -p "$cache/packages" "$cache/voices" "$cache/music"
    (cd "$cache/packages" && apt-get download --quiet "${packages[@]}" >&2) ||
        fail "the packages cannot be fetched: run apt-get update, and see the line above"
    for package in "$cache"/packages/*.deb; do dpkg -x "$package" "$cache/unpacked"; done
    sounds=$cache/unpacked/usr/share/asterisk/sounds
    for speaker in en_US_f_Allison es_MX_f_Allison fr_CA_f_June it_IT_f_Menardi it_IT_m_Carlo ru_RU_f_IvrvoiceRU; do
        sox -G "$sounds/$speaker/demo-instruct.wav" -r 16000 -c 1 "$cache/voices/$speaker.wav" trim 0 10
    done
    library=$(find "$cache/unpacked" -name 'libflite.so*' -printf '%h\n' | head -n 1)
    for speaker in awb kal16 rms slt; do
        LD_LIBRARY_PATH=$library "$cache/unpacked/usr/bin/flite" -voice "$speaker" -t "$said" -o "$cache/spoken.wav"
        sox -G "$cache/spoken.wav" -r 16000 -c 1 "$cache/voices/flite_$speaker.wav"
    done
    for music in "$cache"/unpacked/usr/share/asterisk/moh/*.wav; do
        sox -G "$music" -r 16000 -c 1 "$cache/music/$(basename "$music")" trim 0 60
    done
    touch "$cache/complete"
fi
if [ ! -e "$cache/voices/piper_joe.wav" ] && [ -x "$strangers/venv/bin/piper" ]; then
    model=$(find "$strangers/venv" -name en_US-joe-medium.onnx | head -n 1)
    # Its noise is random: another run is another voice of the same speaker.
    "$strangers/venv/bin/piper" --model "$model" --output-file "$cache/spoken.wav" -- "$said" >&2
    sox -G "$cache/spoken.wav" -r 16000 -c 1 "$cache/voices/piper_joe.wav"
fi
export HEARING_VOICES=$cache/voices HEARING_MUSIC=$cache/music
cargo test --quiet -p offhook-hearing --test hearing_tables -- --ignored --nocapture --test-threads 1 ${1:+"table_of_$1"}
