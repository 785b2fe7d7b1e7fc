package keyring

// What tests in the package's own folder need besides its API.
const MailsKept = mailsKept

type KeyCanary = keyCanary

var SealedTables = sealedTables
