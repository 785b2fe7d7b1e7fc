package handlers

// Routes is the table of routes, for the test that asks every one of them in
// every role.
func Routes() [][3]string { return list(new(site)) }

// DemoRoutes is the same of a demo.
func DemoRoutes() [][3]string { return list(&site{Options: Options{Demo: new(Demo)}}) }

func list(s *site) [][3]string {
	var list [][3]string
	for _, r := range s.routes() {
		list = append(list, [3]string{r.method, r.path, string(r.who)})
	}
	return list
}
