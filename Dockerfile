FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package consign

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 8610 --home-dir /data consign && install -d -o consign -g consign -m 0700 /data
COPY --from=build /src/target/release/consign /usr/local/bin/consign
USER consign
VOLUME /data
EXPOSE 8610
ENV CONSIGN_DATA=/data CONSIGN_LISTEN=0.0.0.0:8610
HEALTHCHECK --interval=30s --timeout=5s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8610 && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && grep -q ' 200 ' <&3"]
CMD ["consign", "serve"]
