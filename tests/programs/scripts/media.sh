#!/bin/bash
# title: SoX, FFmpeg, mpv and GStreamer
# packages: sox ffmpeg mpv gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
# what: sounds and pictures made, coded with threads, decoded and played to nowhere; pipelines with queues and UDP
set -u
. /programs/lib.sh
mkdir -p /tmp/media && chmod 755 /tmp/media && cd /tmp/media && export HOME=/tmp/media
sox -n s.wav synth 1 sine 440
soxi -D s.wav
sox s.wav s.ogg rate 22050
soxi -r s.ogg
mpv --no-config --ao=null --vo=null --really-quiet s.wav
echo $?
ffmpeg -loglevel error -f lavfi -i testsrc=d=1:s=64x48:r=10 -pix_fmt yuv420p -c:v mpeg4 -threads 4 v.mp4
echo $?
ffprobe -loglevel error -show_entries stream=nb_frames,width -of csv v.mp4
ffmpeg -loglevel error -i v.mp4 -f framemd5 - | tail -1 | wc -w
gst-launch-1.0 -q videotestsrc num-buffers=10 ! video/x-raw,width=32,height=24 ! fakesink
echo $?
gst-launch-1.0 -q audiotestsrc num-buffers=10 ! audioconvert ! queue ! wavenc ! filesink location=g.wav
echo $?
soxi -r g.wav
gst-launch-1.0 -q udpsrc port=5555 num-buffers=3 ! fakesink &
sleep 1
gst-launch-1.0 -q audiotestsrc num-buffers=5 ! udpsink host=127.0.0.1 port=5555
wait $!
echo $?
gst-launch-1.0 -q filesrc location=s.wav ! wavparse ! tee name=t ! queue ! fakesink t. ! queue ! fakesink
echo $?
