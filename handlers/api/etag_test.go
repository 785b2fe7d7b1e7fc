package api

import "testing"

func TestMatchesTags(t *testing.T) {
	tag := tagOf([]byte(`{"data":[]}`))
	strong := tag[2:]
	for _, sent := range [][]string{{tag}, {strong}, {"*"}, {`"a", ` + tag}, {`W/"a"`, ` ` + strong + ` , "b"`}} {
		if !matches(sent, tag) {
			t.Errorf("%q does not match %s", sent, tag)
		}
	}
	for _, sent := range [][]string{nil, {""}, {tagOf([]byte(`{}`))}, {`"` + tag + `"`}} {
		if matches(sent, tag) {
			t.Errorf("%q matches %s", sent, tag)
		}
	}
}
