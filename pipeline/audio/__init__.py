"""Pure signal code: samples in, samples out. No clock, no I/O but WAV files, no state that calls share."""
