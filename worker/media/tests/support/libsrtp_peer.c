/* A peer that speaks SRTP through libsrtp, for srtp_matches_libsrtp.rs.
 *
 * Arguments: the tag of RTP in bits (80 or 32), and the master key with its salt (30 bytes) in hexadecimal digits.
 * Standard input has one command a line: `protect`, `unprotect`, `protect_rtcp` or `unprotect_rtcp`, a space, and the packet in
 * hexadecimal digits. Standard output has one line for each: the packet that libsrtp returns, or the name of its error. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES 4096

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of bytes read, or -1 if the text is not hexadecimal or too long. */
static int decode(const char *text, unsigned char *bytes, int most) {
    int length = 0;
    for (; text[0] != '\0' && text[0] != '\n'; text += 2, length++) {
        int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0 || length == most) return -1;
        bytes[length] = (unsigned char)(high << 4 | low);
    }
    return length;
}

static const char *name(srtp_err_status_t status, char *number, size_t size) {
    switch (status) {
    case srtp_err_status_auth_fail: return "auth_fail";
    case srtp_err_status_replay_fail: return "replay_fail";
    case srtp_err_status_replay_old: return "replay_old";
    default: snprintf(number, size, "error_%d", (int)status); return number;
    }
}

static srtp_t session(int tag_bits, unsigned char *key, srtp_ssrc_type_t streams) {
    srtp_policy_t policy;
    srtp_t made;
    memset(&policy, 0, sizeof policy);
    /* RFC 4568, section 6.2: the short tag is RTP's alone. */
    if (tag_bits == 32) srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
    else srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
    policy.ssrc.type = streams;
    policy.key = key;
    policy.window_size = 128;
    if (srtp_create(&made, &policy) != srtp_err_status_ok) exit(2);
    return made;
}

int main(int argc, char **argv) {
    static char line[2 * MOST_BYTES + 64];
    /* libsrtp writes its trailer behind the packet. */
    static unsigned char packet[MOST_BYTES + SRTP_MAX_TRAILER_LEN + 4];
    unsigned char key[SRTP_MAX_KEY_LEN];
    char number[32];
    if (argc != 3 || decode(argv[2], key, 30) != 30 || srtp_init() != srtp_err_status_ok) return 2;
    srtp_t sending = session(atoi(argv[1]), key, ssrc_any_outbound);
    srtp_t receiving = session(atoi(argv[1]), key, ssrc_any_inbound);
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *space = strchr(line, ' ');
        int length = space == NULL ? -1 : decode(space + 1, packet, MOST_BYTES);
        srtp_err_status_t status;
        if (length < 0) return 2;
        *space = '\0';
        if (strcmp(line, "protect") == 0) status = srtp_protect(sending, packet, &length);
        else if (strcmp(line, "unprotect") == 0) status = srtp_unprotect(receiving, packet, &length);
        else if (strcmp(line, "protect_rtcp") == 0) status = srtp_protect_rtcp(sending, packet, &length);
        else if (strcmp(line, "unprotect_rtcp") == 0) status = srtp_unprotect_rtcp(receiving, packet, &length);
        else return 2;
        if (status == srtp_err_status_ok) {
            for (int index = 0; index < length; index++) printf("%02x", packet[index]);
            putchar('\n');
        } else {
            puts(name(status, number, sizeof number));
        }
        fflush(stdout);
    }
    return 0;
}
