// Package views has the pages that companies and visitors see, the mails that they
// get, and the parts that staff pages are made of too: the frames, fields, icons,
// and times, and the words for states, events, and outcomes.
//
// It reads what models returns and changes nothing. Only handlers and views/staff
// import it. It never imports views/staff: no page of a company can show what only
// staff may see.
package views
