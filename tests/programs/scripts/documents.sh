#!/bin/bash
# title: LibreOffice, wkhtmltopdf, Inkscape, GIMP, Pandoc and TeX
# packages: libreoffice-writer-nogui libreoffice-calc-nogui wkhtmltopdf poppler-utils ghostscript inkscape gimp imagemagick graphviz unzip pandoc texlive-latex-base gnuplot-nox maxima pari-gp python3
# what: texts and tables to PDF and XLSX, pages to PDF and pictures, drawings, a batch of a picture editor, a document between three formats, formulas
set -u
. /programs/lib.sh
mkdir -p /tmp/office && chmod 755 /tmp/office && cd /tmp/office && export HOME=/tmp/office
printf 'a,b\n1,2\n3,4\n' >t.csv
echo 'Hello text' >t.txt
soffice --headless -env:UserInstallation=file:///tmp/office/lo --convert-to pdf t.txt >/dev/null 2>&1
echo $?
pdftotext t.pdf - | head -1
soffice --headless -env:UserInstallation=file:///tmp/office/lo --convert-to xlsx t.csv >/dev/null 2>&1
echo $?
unzip -l t.xlsx 2>/dev/null | grep -c sheet1
python3 -c "import zipfile; print('xl/workbook.xml' in zipfile.ZipFile('t.xlsx').namelist())"
mkdir -p /tmp/wk && chmod 755 /tmp/wk && cd /tmp/wk && export HOME=/tmp/wk
echo '<h1>Hi</h1><p>para' >i.html
QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=/tmp wkhtmltopdf -q i.html o.pdf 2>/dev/null
echo $?
pdftotext o.pdf - | head -3
pdfinfo o.pdf | grep Pages
pdftoppm -r 30 -png o.pdf p
identify p-1.png | awk '{print $2,$3}'
gs -q -dNOPAUSE -dBATCH -sDEVICE=png16m -r20 -sOutputFile=g.png o.pdf
echo $?
ps2pdf -v 2>/dev/null
pdfunite o.pdf o.pdf u.pdf
pdfinfo u.pdf | grep Pages
mkdir -p /tmp/graphics && chmod 755 /tmp/graphics && cd /tmp/graphics && export HOME=/tmp/graphics
printf '<svg xmlns="http://www.w3.org/2000/svg" width="50" height="40"><rect width="50" height="40" fill="blue"/></svg>' >a.svg
inkscape a.svg -o a.png >/dev/null 2>&1
echo $?
identify a.png | awk '{print $2,$3}'
convert a.png txt: | sed -n 2p | awk '{print $3}'
inkscape a.svg --export-type=pdf -o a.pdf >/dev/null 2>&1
pdfinfo a.pdf | grep Pages
gimp -i -d -f -b '(let* ((i (car (gimp-image-new 20 10 RGB))) (l (car (gimp-layer-new i 20 10 RGB-IMAGE "x" 100 0)))) (gimp-image-insert-layer i l 0 0) (gimp-context-set-foreground (quote (255 0 0))) (gimp-drawable-fill l FILL-FOREGROUND) (file-png-save RUN-NONINTERACTIVE i l "/tmp/graphics/g.png" "g" 0 9 0 0 0 0 0))' -b '(gimp-quit 0)' >/dev/null 2>&1
echo $?
identify g.png | awk '{print $2,$3}'
printf 'digraph{a->b;b->c;a->c}' | dot -Tplain | head -3
printf 'digraph{a->b}' | dot -Tpng >d.png
identify d.png | cut -d' ' -f2
echo '# T
* a
* b `c`' >m.md
pandoc m.md -t html
pandoc m.md -o m.docx
pandoc m.docx -t plain
printf '\\documentclass{article}\\begin{document}Hello $x^2$\\end{document}' >l.tex
pdflatex -interaction=batchmode l.tex >/dev/null
echo $?
pdftotext l.pdf - | head -1
gnuplot -e 'set term dumb 40 10; plot x' | wc -l
maxima --very-quiet --batch-string='integrate(x^2,x);' | tail -3
echo 'factor(2^67-1)' | gp -q
