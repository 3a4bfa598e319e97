# The coordinator's image: one static program and nothing else. Built by scripts/image.sh from a folder that holds just the program.
# It talks to the engine through its socket and owns the spool, so it runs as root of its container; see docs/security.md.
FROM scratch
COPY offhook /offhook
ENTRYPOINT ["/offhook"]
CMD ["run"]
