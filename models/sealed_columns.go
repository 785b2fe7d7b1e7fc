package models

// sealedByKeeper returns what the keeper keeps encrypted. Whoever encrypts it
// again sees sealed values and their places, and no credential.
func sealedByKeeper() []SealedTable {
	return []SealedTable{
		{Name: "revocations", Key: "id", Columns: []string{"token_sealed"}, Rows: SealedRowsOf(func(r revocation) SealedRow {
			return SealedRow{Key: r.ID, Values: []SealedValue{{Column: "token_sealed", Sealed: r.TokenSealed, Place: r.place()}}}
		})},
		{Name: "credentials", Key: "connection_id", Columns: []string{"access_sealed", "refresh_sealed", "secret_sealed"}, Rows: SealedRowsOf(func(c credential) SealedRow {
			return SealedRow{Key: c.ConnectionID, Generation: c.Generation, Values: []SealedValue{
				{Column: "access_sealed", Sealed: c.AccessSealed, Place: c.place("access_sealed")},
				{Column: "refresh_sealed", Sealed: c.RefreshSealed, Place: c.place("refresh_sealed")},
				{Column: "secret_sealed", Sealed: c.SecretSealed, Place: c.place("secret_sealed")},
			}}
		})},
	}
}
