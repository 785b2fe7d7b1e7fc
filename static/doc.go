// Package static holds the files that browsers fetch unchanged. The name of each
// contains a hash of its content, so that browsers may keep it forever and fetch a
// new version at once.
//
// The font is Inter 4.001, under the license in inter-LICENSE.txt. It has one axis, the
// weight from 400 to 700, and the characters of the languages that are written in Latin
// letters, with the signs of our pages. To make it again, unpack
// variable/InterVariable.woff2 of version 4.1.1 of the npm package inter-ui. Debian's
// packages fonttools and python3-brotli have the commands:
//
//	fonttools varLib.instancer -o inter.ttf InterVariable.woff2 opsz=14 wght=400:700
//	fonttools subset inter.ttf --flavor=woff2 --no-hinting --output-file=inter.woff2 \
//	  --no-layout-closure --layout-features=kern,mark,mkmk,tnum --glyphs=zero.tf,one.tf,\
//	  two.tf,three.tf,four.tf,five.tf,six.tf,seven.tf,eight.tf,nine.tf \
//	  --unicodes=U+0020-007E,U+00A0-017F,\
//	  U+0192,U+0218-021B,U+02BB,U+02BC,U+02C6,U+02C7,U+02D8-02DD,U+0300-0304,U+0306-030C,\
//	  U+0327,U+0328,U+1E9E,U+2010-2015,U+2018-201E,U+2020-2022,U+2024,U+2026,U+202F,\
//	  U+2030,U+2032,U+2033,U+2039,U+203A,U+2044,U+20AC,U+2116,U+2122,U+2190-2199,U+21A9,\
//	  U+21B5,U+2212,U+2215,U+2248,U+2260,U+2264,U+2265,U+25B6,U+25C0,U+25CF,U+2318,\
//	  U+2713,U+2717
//
// Of the signs that are as wide as a digit, it has only the digits. Pages ask for them
// everywhere, and commas and hyphens of that width would tear words apart.
//
// It has no tables. The handlers, the pages, and the sandbox import it.
package static
