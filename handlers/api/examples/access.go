//go:build ignore

// Access lists the connections that work, and reads an access token of each.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

// get reads an answer of the API into a value. Errors are problems (RFC 9457).
func get(path string, into any) error {
	r, err := http.NewRequest(http.MethodGet, os.Getenv("FIELDBRIDGE_URL")+path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("FIELDBRIDGE_KEY"))
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var problem struct {
			Type        string `json:"type"`
			Detail      string `json:"detail"`
			SupportCode string `json:"support_code"`
		}
		_ = json.NewDecoder(resp.Body).Decode(&problem)
		return fmt.Errorf("%s: %s (%s)", problem.Type, problem.Detail, problem.SupportCode)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func main() {
	var list struct {
		Data []struct {
			ID         string `json:"id"`
			TenantName string `json:"tenant_name"`
		} `json:"data"`
	}
	if err := get("/api/v1/connections?state=connected", &list); err != nil {
		log.Fatal(err)
	}
	for _, connection := range list.Data {
		var token struct {
			AccessToken string `json:"access_token"`
			ExpiresAt   string `json:"expires_at"`
			APIBaseURL  string `json:"api_base_url"`
		}
		if err := get("/api/v1/connections/"+connection.ID+"/token", &token); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: call %s until %s\n", connection.TenantName, token.APIBaseURL, token.ExpiresAt)
	}
}
