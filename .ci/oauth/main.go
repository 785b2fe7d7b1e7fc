// Command oauth is an OAuth 2.0 server from a library that has nothing to do
// with Fieldbridge, and a resource behind it. A test connects to it by
// configuration alone.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/go-oauth2/oauth2/v4"
	"github.com/go-oauth2/oauth2/v4/manage"
	"github.com/go-oauth2/oauth2/v4/models"
	"github.com/go-oauth2/oauth2/v4/server"
	"github.com/go-oauth2/oauth2/v4/store"
)

// accessLife is so short that every use of the access renews it.
const accessLife = 30 * time.Second

func main() {
	redirect := flag.String("redirect", "", "the app's redirect URI")
	secret := flag.String("secret", "", "the secret of the clients app and tenant")
	flag.Parse()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, handler("http://"+listener.Addr().String(), *redirect, *secret)))
}

func handler(issuer, redirect, secret string) http.Handler {
	clients := store.NewClientStore()
	_ = clients.Set("app", &models.Client{ID: "app", Secret: secret, Domain: redirect})
	_ = clients.Set("tenant", &models.Client{ID: "tenant", Secret: secret})
	manager := manage.NewDefaultManager()
	manager.MustTokenStorage(store.NewMemoryTokenStore())
	manager.MapClientStorage(clients)
	manager.SetAuthorizeCodeTokenCfg(&manage.Config{AccessTokenExp: accessLife, RefreshTokenExp: time.Hour, IsGenerateRefresh: true})
	manager.SetClientTokenCfg(&manage.Config{AccessTokenExp: accessLife})
	manager.SetRefreshTokenCfg(&manage.RefreshingConfig{
		AccessTokenExp: accessLife, RefreshTokenExp: time.Hour,
		IsGenerateRefresh: true, IsRemoveAccess: true, IsRemoveRefreshing: true,
	})
	config := server.NewConfig()
	config.ForcePKCE = true
	config.AllowedCodeChallengeMethods = []oauth2.CodeChallengeMethod{oauth2.CodeChallengeS256}
	s := server.NewServer(config, manager)
	s.SetClientInfoHandler(server.ClientFormHandler)
	s.SetUserAuthorizationHandler(func(http.ResponseWriter, *http.Request) (string, error) { return "somebody", nil })

	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
			"code_challenge_methods_supported": []string{"S256"},
		})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleAuthorizeRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if err := s.HandleTokenRequest(w, r); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("GET /settings/v2/tenant/{tenant}/business-units", func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.ValidationBearerToken(r); err != nil {
			answer(w, http.StatusUnauthorized, map[string]any{"title": "no", "status": http.StatusUnauthorized})
			return
		}
		answer(w, http.StatusOK, map[string]any{"totalCount": 1, "data": []any{map[string]any{"name": "A server of another kind"}}})
	})
	return mux
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
