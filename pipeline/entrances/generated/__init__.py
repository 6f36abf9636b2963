"""Generated from protos/ by scripts/protos.sh. Do not edit."""
