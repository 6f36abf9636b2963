"""The other end of the line: calls the service over gRPC as a telephone does, and measures what it hears."""
