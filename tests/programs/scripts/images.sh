#!/bin/bash
# title: ImageMagick
# packages: imagemagick fonts-dejavu-core
# what: a picture drawn, scaled, blurred with threads, converted between formats, compared
# quick
set -u
. /programs/lib.sh
cd /tmp && convert -size 300x200 gradient:red-blue -font DejaVu-Sans -pointsize 30 -draw 'text 30,100 "Stackbox"' a.png && identify -format '%m %w %h\n' a.png
convert a.png -resize 50% -gaussian-blur 3x2 b.png && convert b.png rgba:- | md5sum; convert a.png -quality 80 a.jpg && convert a.jpg rgb:- | md5sum; convert a.png b.png a.tiff && identify -format '%m %w\n' a.tiff; convert -delay 10 a.png b.png a.gif && identify a.gif | wc -l; compare -metric AE a.png a.png null: ; echo; montage a.png a.png -geometry 60x40+2+2 m.png && identify -format '%w %h\n' m.png; convert none.png x.png 2>/dev/null; echo "status $?"
