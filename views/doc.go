// Package views has the pages that companies and visitors see and the mails that
// they get. It also has the parts that staff pages share: the frames, fields,
// icons, and times, and the words for states, events, and outcomes.
//
// It reads what models returns and changes nothing. Only handlers and views/staff
// import it. It never imports views/staff, so that no page of a company can show
// what only staff may see.
package views
