package views

import "context"

// Operator is what every page knows from the configuration: where people reach
// support, and the integration that connects to ServiceTitan.
type Operator struct {
	Contact     Contact
	Integration Integration
}

type operatorKey struct{}

// WithOperator returns a context whose pages know the operator. Nothing changes the
// operator afterward, because all requests share it.
func WithOperator(ctx context.Context, o *Operator) context.Context {
	return context.WithValue(ctx, operatorKey{}, o)
}

// operatorOf returns the operator of a page. It is the zero Operator if the context has
// none.
func operatorOf(ctx context.Context) *Operator {
	if o, ok := ctx.Value(operatorKey{}).(*Operator); ok {
		return o
	}
	return &Operator{}
}

// contactOf returns where people reach support. It is the zero Contact if the
// configuration does not say.
func contactOf(ctx context.Context) Contact { return operatorOf(ctx).Contact }
