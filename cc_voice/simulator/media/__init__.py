"""Media of simulated calls: audio and pictures, cut into what is due when."""
