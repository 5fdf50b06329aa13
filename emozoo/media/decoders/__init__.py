"""What FFmpeg, decord and OpenCV read. It runs in the process of `emozoo.media.decoders.process`."""
