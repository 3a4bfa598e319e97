# The worker's image: one static program and nothing else. Built by scripts/image.sh from a folder that holds just the program.
FROM scratch
COPY offhook-worker /offhook-worker
ENV PATH=/
USER 65534:65534
ENTRYPOINT ["/offhook-worker"]
