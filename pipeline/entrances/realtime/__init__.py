"""OpenAI's Realtime events, so that clients written for them hold our calls: their meaning is the contract's."""
