#!/bin/sh
# Called by cargo as: rustc-wrapper.sh <rustc> <arguments>. Only qdrant_edge on Rust 1.95 is treated specially: it needs
# the `assert_matches` feature, which became stable in 1.96. Delete together with the line in config.toml then.
rustc=$1
shift
case " $* " in
  *" --crate-name qdrant_edge "*)
    case $("$rustc" --version) in
      "rustc 1.95."*)
        RUSTC_BOOTSTRAP=1 exec "$rustc" "$@" "-Zcrate-attr=feature(assert_matches)" ;;
    esac ;;
esac
exec "$rustc" "$@"
