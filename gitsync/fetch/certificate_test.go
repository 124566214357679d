package fetch_test

import (
	"encoding/pem"
	"net/http/httptest"
)

// certificate returns the server's certificate as PEM.
func certificate(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}
