//go:build ignore

// Session opens a connect session for a customer, and prints where to send them.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	body, err := json.Marshal(map[string]any{
		"reference":    "customer-4711", // your own ID of the customer
		"company_name": "Northgate Heating",
		"return_url":   os.Getenv("RETURN_URL"), // registered with the key
	})
	if err != nil {
		log.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, os.Getenv("FIELDBRIDGE_URL")+"/api/v1/connect-sessions", bytes.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+os.Getenv("FIELDBRIDGE_KEY"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", rand.Text()) // the same if you send it again
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var session struct {
		ID, URL, Detail string
	}
	if err := json.NewDecoder(resp.Body).Decode(&session); err != nil {
		log.Fatal(err)
	}
	if resp.StatusCode != http.StatusCreated {
		log.Fatal(session.Detail)
	}
	fmt.Println(session.ID, session.URL)
}
