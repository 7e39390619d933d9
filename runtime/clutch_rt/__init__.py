"""Text in, two moving 3D hands out, in real time, on the device in the user's hand."""
