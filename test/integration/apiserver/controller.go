package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

// ControllerName is the user that controllers under test are.
const ControllerName = "sluice-under-test"

// ImpersonatorRole is the ClusterRole that lets the controller act as an account of a namespace, once it is bound there.
const ImpersonatorRole = "sluice-impersonator"

// AsController makes the user that controllers under test are, with the rights of config/rbac and no others. It is called
// once for a server.
func (s *Server) AsController(ctx context.Context) (*rest.Config, error) {
	person, err := s.AddUser(envtest.User{Name: ControllerName}, nil)
	if err != nil {
		return nil, fmt.Errorf("make a user: %w", err)
	}
	for _, file := range []string{"controller/role.yaml", "cluster/role.yaml", "cluster/impersonator_role.yaml"} {
		if err := s.grant(ctx, filepath.Join(config, "rbac", filepath.FromSlash(file))); err != nil {
			return nil, fmt.Errorf("grant the role of %s: %w", file, err)
		}
	}
	return person.Config(), nil
}

func (s *Server) grant(ctx context.Context, file string) error {
	content, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		return err
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(content, role); err != nil {
		return err
	}
	if role.Name == ImpersonatorRole { // which is bound in a namespace
		return s.Admin.Create(ctx, role)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: ControllerName}},
	}
	return errors.Join(s.Admin.Create(ctx, role), s.Admin.Create(ctx, binding))
}
