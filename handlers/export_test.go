package handlers

// Routes is the table of routes, for the test that asks every one of them in
// every role.
func Routes() [][3]string {
	var list [][3]string
	for _, r := range new(site).routes() {
		list = append(list, [3]string{r.method, r.path, string(r.who)})
	}
	return list
}
