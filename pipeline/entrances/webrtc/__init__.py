"""The browsers' way in: sound over RTP, everything else over a data channel, on the same calls as gRPC."""
